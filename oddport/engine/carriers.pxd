# C types of carriers.py for the compiler; without a compiler this file is not read.

cimport cython
from libc.stdint cimport int64_t
from oddport.engine.links cimport Locator

@cython.final
cdef class Opener:
    cdef Locator locator
    cdef const unsigned char[::1] data
    cdef Py_ssize_t base
    cdef const unsigned char[::1] carrier
    cdef const unsigned char[::1] reassembled
    cdef const long long[::1] payload
    cdef const unsigned int[::1] captured
    cdef const unsigned int[::1] wire
    cdef const unsigned short[::1] sport
    cdef const unsigned short[::1] dport
    cdef const unsigned long long[::1] src_hi
    cdef const unsigned long long[::1] src_lo
    cdef const unsigned long long[::1] dst_hi
    cdef const unsigned long long[::1] dst_lo
    cdef const unsigned int[::1] around
    cdef long long[::1] at
    cdef long long[::1] stop
    cdef long long[::1] wire_stop
    cdef unsigned int[::1] context
    cdef unsigned int[::1] wirelen
    cdef unsigned char[::1] kind
    cdef unsigned int[::1] number
    # of the payload in hand
    cdef Py_ssize_t begin
    cdef Py_ssize_t end
    cdef Py_ssize_t wire_end
    cdef unsigned char which
    cdef unsigned int id

    cdef inline int be16(self, Py_ssize_t o) except -1
    cdef inline int64_t be32(self, Py_ssize_t o) except -1
    cdef unsigned int apart(self, Py_ssize_t i) except? 0xFFFFFFFF
    cdef Py_ssize_t inside(self, Py_ssize_t i, Py_ssize_t o) except -2
    cdef Py_ssize_t packet(self, int layer, Py_ssize_t o, bint sure) except -2
    cdef int checksum(self, Py_ssize_t o, Py_ssize_t size) except -1
    cdef Py_ssize_t gre(self, Py_ssize_t o) except -2
    cdef Py_ssize_t erspan(self, Py_ssize_t o, int kind, bint numbered) except -2
    cdef Py_ssize_t l2tp3(self, Py_ssize_t o) except -2
    cdef Py_ssize_t geneve(self, Py_ssize_t o) except -2
    cdef Py_ssize_t gtp(self, Py_ssize_t o) except -2
    cdef Py_ssize_t teredo(self, Py_ssize_t o, bint known) except -2
    cdef Py_ssize_t l2tp(self, Py_ssize_t o) except -2
