//go:build unix && !linux

package main

// endWithGoRun does nothing where the system cannot tell a process of its parent's end.
func endWithGoRun() {}
