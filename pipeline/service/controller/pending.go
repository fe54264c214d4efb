package controller

import "sync"

// Pending are values that wait for one write that takes them all. It is safe for
// concurrent use.
type Pending[T any] struct {
	mu  sync.Mutex
	all []T
}

// Add adds a value to the next write.
func (p *Pending[T]) Add(v T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, v)
}

// Flush passes the values to write. If it fails, they stay pending, before those that
// were added meanwhile. Without values, write is not called, and Flush returns false.
func (p *Pending[T]) Flush(write func([]T) error) (bool, error) {
	p.mu.Lock()
	values := p.all
	p.all = nil
	p.mu.Unlock()
	if len(values) == 0 {
		return false, nil
	}
	err := write(values)
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all = append(values, p.all...)
	}
	return err == nil, err
}
