//go:build unix && !linux

package main

// endWithGoRun does nothing where the kernel cannot signal a process when its parent ends.
func endWithGoRun() {}
