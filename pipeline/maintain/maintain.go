// Package maintain keeps the stores in order: it removes what is not needed any more
// (gc), tries what a store can do (probe), and writes rejected lines that are good
// by now back into the source (replay).
package maintain
