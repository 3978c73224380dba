# C types of reassembly.py for the compiler; without a compiler this file is not read.

cdef class Assembly:
    cdef readonly object train
    cdef readonly Py_ssize_t count
    cdef readonly int proto
    cdef readonly bint complete
    cdef readonly Py_ssize_t filled
    cdef readonly set ranges
    cdef set anomalies
    cdef list listed
    cdef list starts
    cdef list stops
    cdef list pieces
    cdef list owners
    cdef readonly Py_ssize_t aside
    cdef Py_ssize_t behind
    cdef Py_ssize_t top
    cdef readonly Py_ssize_t end
    cdef bint cut
    cdef bint first_seen
    cdef bint lone
    cdef int ttl_low
    cdef int ttl_high
    cdef long long last_ns

    cpdef Py_ssize_t note(self, tuple raw) except -2
    cpdef bint add(self, tuple raw, bytes data) except -1
    cpdef bint brings_nothing(self, tuple raw, bytes data) except -1
    cdef tuple compare(self, Py_ssize_t start, Py_ssize_t stop, bytes data)
    cdef object place(self, Py_ssize_t start, Py_ssize_t stop, bytes data, Py_ssize_t index)
    cdef int fill(self, Py_ssize_t start, Py_ssize_t stop) except -1
    cdef object read_first(self, tuple raw, bytes data)
