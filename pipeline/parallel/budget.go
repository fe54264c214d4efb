package parallel

import "runtime"

// DefaultMemory is the memory of a budget where none is configured.
const DefaultMemory = 1 << 30

// TaskMemory is the memory in which one day is built without spilling more than a
// little of it to temporary files.
const TaskMemory = 256 << 20

// manyRequests is how many small objects are requested at a time: they take next
// to no memory, and much waiting.
const manyRequests = 16

// Budget is what a piece of work may take. It is a value: a task gets a share of
// its own.
type Budget struct {
	Workers int   // goroutines that compute
	Memory  int64 // bytes
	Serial  bool  // one thing at a time, in the caller's goroutine
}

// NewBudget is the budget of the whole process: so many workers (0: GOMAXPROCS)
// and bytes (0: DefaultMemory). One worker does one thing after the other.
func NewBudget(workers int, memory int64) Budget {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	if memory <= 0 {
		memory = DefaultMemory
	}
	return Budget{Workers: workers, Memory: memory, Serial: workers == 1}
}

// Split shares the budget among n tasks. It returns how many of them run at a
// time, and the equal share of each of these. A task by itself has everything.
func (b Budget) Split(n int) (tasks int, share Budget) {
	tasks = max(1, min(b.Workers, int(b.Memory/TaskMemory), n))
	return tasks, Budget{
		Workers: (b.Workers + tasks - 1) / tasks,
		Memory:  b.Memory / int64(tasks),
		Serial:  b.Serial,
	}
}

// SideBySide says whether a second thing is done at the same time: not where another task
// has the other workers.
func (b Budget) SideBySide() bool { return !b.Serial && b.Workers != 1 }

// Requests is how many requests for small objects are made at a time.
func (b Budget) Requests() int {
	if b.Serial {
		return 1
	}
	return manyRequests
}
