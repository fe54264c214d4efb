package service

import "sync"

// pending are values that wait for one write that takes them all. It is safe for
// concurrent use.
type pending[T any] struct {
	mu  sync.Mutex
	all []T
}

func (p *pending[T]) add(v T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, v)
}

// flush passes the values to write. If it fails, they stay pending, before those that
// were added meanwhile. Without values, write is not called, and flush returns false.
func (p *pending[T]) flush(write func([]T) error) (bool, error) {
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
