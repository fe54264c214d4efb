// Package simtest simulates whole histories of the pipeline, in its tests.
//
// Two engines, the garbage collection and readers work on one store at the same time,
// while the dumps of a small world arrive. Each remote call may be lost, be applied and
// its answer lost, be applied twice, or be applied much later. Processes stop for a
// while, or are killed and started again. The clock jumps. A seed decides all of it, and
// one thing happens at a time: a seed always makes the same history.
//
// After each step an oracle, which knows the world, checks everything that has changed
// (oracle_test.go). Then the faults end. A few runs later there is nothing to do, and
// everything is as if nothing had ever gone wrong (converge_test.go).
//
//	world_test.go     sessions, and the dumps that hold their events
//	process_test.go   engines, collector and readers, call by call
//	schedule_test.go  what happens, and when
//	format_test.go    files of plain bytes, which are faster than Parquet
package simtest
