# C types of decode.py for the compiler; without a compiler this file is not read.

cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class Reader:
    cdef const unsigned char[::1] data
    cdef const long long[::1] at
    cdef const long long[::1] stop
    cdef const long long[::1] wire_stop
    cdef unsigned char[::1] kind
    cdef unsigned char[::1] version
    cdef unsigned char[::1] proto
    cdef unsigned long long[::1] src_hi
    cdef unsigned long long[::1] src_lo
    cdef unsigned long long[::1] dst_hi
    cdef unsigned long long[::1] dst_lo
    cdef unsigned short[::1] sport
    cdef unsigned short[::1] dport
    cdef unsigned int[::1] context
    cdef long long[::1] payload
    cdef unsigned int[::1] payload_captured
    cdef unsigned int[::1] payload_wire
    cdef unsigned int[::1] seq
    cdef unsigned int[::1] ack
    cdef unsigned char[::1] flags
    cdef long long[::1] ip_header
    cdef unsigned int[::1] fragment_id
    cdef unsigned int[::1] fragment_offset
    cdef unsigned char[::1] fragment_more
    cdef long long[::1] fragment_start
    cdef unsigned int[::1] fragment_captured
    cdef unsigned int[::1] fragment_wire
    cdef unsigned char[::1] ttl
    cdef unsigned char[::1] carrier

    cdef inline int be16(self, Py_ssize_t o) except -1 nogil
    cdef inline int64_t be32(self, Py_ssize_t o) except -1 nogil
    cpdef Py_ssize_t run(self, Py_ssize_t first, Py_ssize_t last) except -1
    cdef int forget(self, Py_ssize_t i) except -1 nogil
    cdef int ip4(self, Py_ssize_t i, Py_ssize_t o) except -1 nogil
    cdef int ip6(self, Py_ssize_t i, Py_ssize_t o) except -1 nogil
    cdef int64_t jumbo(self, Py_ssize_t o, Py_ssize_t stop) except -1 nogil
    cdef int headers(self, Py_ssize_t i, int proto, Py_ssize_t p, Py_ssize_t stop, Py_ssize_t wire, bint extensions, bint part) except -1 nogil
    cdef int fragment(self, Py_ssize_t i, long long number, int offset, int more, Py_ssize_t p, Py_ssize_t stop, Py_ssize_t wire) except -1 nogil
    cdef int transport(self, Py_ssize_t i, int proto, Py_ssize_t p, Py_ssize_t stop, Py_ssize_t wire) except -1 nogil
    cdef int ports(self, Py_ssize_t i, int proto, Py_ssize_t p, Py_ssize_t stop) except -1 nogil
    cdef inline int in_udp(self, Py_ssize_t p, Py_ssize_t wire) except -1 nogil
