package extract

import "sync"

// sequencer puts work in order that is done side by side. Pieces of work are
// numbered from 0. A piece can wait until all pieces before it have ended. Every
// piece that was begun has to end, also when it fails.
type sequencer struct {
	mu    sync.Mutex
	moved sync.Cond    // of mu: first has changed
	first int          // the first piece that has not ended
	ended map[int]bool // the pieces after it that have ended
}

func newSequencer() *sequencer {
	s := &sequencer{ended: map[int]bool{}}
	s.moved.L = &s.mu
	return s
}

// wait returns when all pieces before this one have ended.
func (s *sequencer) wait(piece int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.first < piece {
		s.moved.Wait()
	}
}

// end ends a piece.
func (s *sequencer) end(piece int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[piece] = true
	for s.ended[s.first] {
		delete(s.ended, s.first)
		s.first++
	}
	s.moved.Broadcast()
}
