# C types of train_slots.py for the compiler; without a compiler this file is not read.

cdef class TrainSlots:
    cdef readonly object rows
    cdef readonly object pieces
    cdef readonly object done
    cdef readonly object raws
    cdef readonly object slot_of
    cdef object octets
    cdef readonly Py_ssize_t pieces_count
    cdef readonly Py_ssize_t done_count
    cdef readonly long long held_bytes
    cdef readonly Py_ssize_t held
    cdef readonly Py_ssize_t over
    cdef readonly long long dropped_trains
    cdef readonly long long dropped_bytes
    cdef public long long begun
    cdef long long[:, ::1] rec
    cdef int[::1] buckets
    cdef long long[:, ::1] ends
    cdef long long[:, ::1] keys
    cdef long long[:, ::1] done_rec
    cdef long long[::1] piece_list
    cdef long long[::1] slot_list
    cdef long long[::1] chain
    cdef const long long[::1] row_list
    cdef const unsigned char[::1] data
    cdef const long long[::1] start
    cdef const long long[::1] ts
    cdef const unsigned int[::1] offset
    cdef const unsigned int[::1] length
    cdef const unsigned int[::1] captured
    cdef const unsigned char[::1] more
    cdef const unsigned char[::1] ttl
    cdef const unsigned char[::1] proto
    cdef const unsigned char[::1] flags
    cdef const unsigned int[::1] header
    cdef unsigned char[::1] row_proto
    cdef unsigned short[::1] row_sport
    cdef unsigned short[::1] row_dport
    cdef unsigned int[::1] row_train
    cdef long long timeout
    cdef Py_ssize_t trains_max
    cdef long long bytes_max
    cdef Py_ssize_t capacity
    cdef Py_ssize_t fresh
    cdef long long free
    cdef Py_ssize_t free_count
    cdef long long mask
    cdef public long long made
    cdef long long batch
    cdef object seed

    cdef int _take(self, Py_ssize_t i) except -1 nogil
    cdef bint _fits(self, Py_ssize_t i) except -1 nogil
    cdef bint _begins(self, Py_ssize_t i) except -1 nogil
    cdef bint _continues(self, Py_ssize_t i, Py_ssize_t slot) except -1 nogil
    cdef int _read_first(self, Py_ssize_t i, Py_ssize_t slot) except -1 nogil
    cdef long long _header_size(self, int proto) except -1 nogil
    cdef int _complete(self, Py_ssize_t i, Py_ssize_t slot) except -1 nogil
    cdef int _note_done(self, Py_ssize_t i, Py_ssize_t slot, long long piece, long long pieces, long long total, long long captured, long long proto) except -1 nogil
    cdef int _finish(self, Py_ssize_t i, Py_ssize_t slot) except -1 nogil
    cdef int _tie(self, Py_ssize_t i, Py_ssize_t slot) except -1 nogil
    cdef int _header(self, unsigned char[::1] into, Py_ssize_t d, Py_ssize_t at) except -1 nogil
    cdef int _big(self, unsigned char[::1] into, Py_ssize_t at, long long value, Py_ssize_t count) except -1 nogil
    cdef Py_ssize_t _current(self, Py_ssize_t i) except -2 nogil
    cdef Py_ssize_t _open(self, Py_ssize_t i, Py_ssize_t which, long long road) except -2 nogil
    cdef int _charge(self, Py_ssize_t slot, long long cost) except -1 nogil
    cdef bint _evict(self, Py_ssize_t keep) except -1 nogil
    cdef int _close(self, Py_ssize_t slot) except -1 nogil
    cdef int _index(self, Py_ssize_t slot) except -1 nogil
    cdef int _append(self, Py_ssize_t slot, Py_ssize_t which) except -1 nogil
    cdef int _unlink(self, Py_ssize_t slot) except -1 nogil
    cdef long long _sum(self, long long ts, long long step) except? -7 nogil
