# C types of dns_message.py for the compiler; without a compiler this file is not read.

cdef bint _known_type(int number) except -1
cdef bint _known_class(int number) except -1
cdef int _u16(bytes data, Py_ssize_t at) except -1
cpdef Py_ssize_t skip_name(bytes data, Py_ssize_t at, Py_ssize_t end, Py_ssize_t base) except -3
cpdef str name_text(bytes data, Py_ssize_t at, Py_ssize_t base)

cdef class Message:
    cdef bytes data
    cdef Py_ssize_t base
    cdef Py_ssize_t end
    cdef public int questions
    cdef public int answers
    cdef int records
    cdef int error
    cdef int walked
    cdef bint short
    cdef int kind
    cdef Py_ssize_t first
    cdef bint top_bit
    cdef bint local

    cpdef bint is_answer(self) except -1
    cpdef bint read(self, int role) except -1
    cdef Py_ssize_t skip_questions(self, Py_ssize_t at) except -3
    cdef Py_ssize_t skip_records(self, Py_ssize_t at) except -3
    cpdef bint is_multicast(self) except -1
    cpdef bint is_single(self) except -1
