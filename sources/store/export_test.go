package store

// ChangeTime is for tests that wait for the clock of the file system.
var ChangeTime = changeTime
