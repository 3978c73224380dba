# C types of links.py for the compiler; without a compiler this file is not read.

cimport cython
from libc.stdint cimport int64_t

@cython.final
cdef class Locator:
    cdef const unsigned char[::1] data
    cdef const unsigned short[::1] link
    cdef const long long[::1] start
    cdef const unsigned int[::1] caplen
    cdef const unsigned int[::1] wirelen
    cdef long long[::1] at
    cdef long long[::1] stop
    cdef long long[::1] wire_stop
    cdef unsigned int[::1] context
    # of the frame in hand
    cdef Py_ssize_t end
    cdef Py_ssize_t wire_end
    cdef unsigned long long tags

    cdef inline int be16(self, Py_ssize_t o) except -1 nogil
    cdef inline int64_t be32(self, Py_ssize_t o) except -1 nogil
    cdef inline int le16(self, Py_ssize_t o) except -1 nogil
    cdef inline int64_t le32(self, Py_ssize_t o) except -1 nogil
    cpdef int run(self, Py_ssize_t first, Py_ssize_t last) except -1
    cdef Py_ssize_t frame(self, int link, Py_ssize_t o) except -2 nogil
    cdef Py_ssize_t layers(self, int kind, Py_ssize_t o) except -2 nogil
    cdef inline Py_ssize_t ip(self, Py_ssize_t o, int version) except -2 nogil
    cdef int tag(self, unsigned long long number, bint vlan) except -1 nogil
    cdef int trailer(self, int count) except -1 nogil
    cdef int carries(self, Py_ssize_t o) except -1 nogil
    cdef Py_ssize_t mpacket(self, Py_ssize_t o) except -2 nogil
    cdef Py_ssize_t loopback(self, Py_ssize_t o) except -2 nogil
    cdef Py_ssize_t wlan(self, Py_ssize_t o, bint padded) except -2 nogil
    cdef Py_ssize_t radiotap(self, Py_ssize_t o) except -2 nogil
    cdef Py_ssize_t ppi(self, Py_ssize_t o) except -2 nogil
    cdef Py_ssize_t prism(self, Py_ssize_t o) except -2 nogil
    cdef Py_ssize_t frame_relay(self, Py_ssize_t o) except -2 nogil
    cdef Py_ssize_t nflog(self, Py_ssize_t o) except -2 nogil
