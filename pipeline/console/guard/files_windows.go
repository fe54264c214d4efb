package guard

// openFiles is the limit of open files; 0, since Windows has none.
func openFiles() int { return 0 }
