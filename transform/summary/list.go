package summary

// list is a long slice in chunks: it is never moved to a larger place, which
// would take the memory of both.
type list[T any] struct {
	chunks [][]T
}

const (
	chunkBits = 12
	chunkSize = 1 << chunkBits
)

func (l *list[T]) add(v T) {
	last := len(l.chunks) - 1
	if last < 0 || len(l.chunks[last]) == chunkSize {
		l.chunks = append(l.chunks, make([]T, 0, chunkSize))
		last++
	}
	l.chunks[last] = append(l.chunks[last], v)
}

func (l *list[T]) at(i uint32) T { return l.chunks[i>>chunkBits][i&(chunkSize-1)] }

func (l *list[T]) len() int {
	n := len(l.chunks)
	if n == 0 {
		return 0
	}
	return (n-1)*chunkSize + len(l.chunks[n-1])
}
