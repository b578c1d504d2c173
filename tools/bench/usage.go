package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage returns the processor time that this process and its descendants have used so far, by program. It is read
// from /proc (Linux, in steps of 10 ms) and empty elsewhere.
func usage() map[string]time.Duration {
	type process struct {
		name   string
		parent int
		time   time.Duration
	}
	all := map[int]process{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") //nolint:errcheck // the pattern is well-formed
	for _, file := range files {
		if pid, name, fields := readStat(file); len(fields) > 14 {
			all[pid] = process{name, number(fields[1]), ticks(fields[11:15]...)}
		}
	}
	used := map[string]time.Duration{}
	for pid, p := range all {
		ancestor := pid
		for ancestor > 1 && ancestor != os.Getpid() {
			ancestor = all[ancestor].parent
		}
		if ancestor != os.Getpid() {
			continue
		}
		switch p.name {
		case "router", "auth", "tickets", "orders", "payments", "expiration", "stripesim":
		case "postgres":
			p.name = "Postgres"
		case "bench", "pgbench":
			p.name = "load generator"
		default:
			p.name = "RabbitMQ"
		}
		used[p.name] += p.time
	}
	return used
}

// since returns the processor time that was used since an earlier reading.
func since(before map[string]time.Duration) map[string]time.Duration {
	used := usage()
	for name := range used {
		used[name] -= before[name]
	}
	return used
}

// processorTime returns the processor time that one process has used so far.
func processorTime(pid int) time.Duration {
	_, _, fields := readStat("/proc/" + strconv.Itoa(pid) + "/stat")
	if len(fields) < 13 {
		return 0
	}
	return ticks(fields[11], fields[12])
}

// residentMemory returns the bytes of memory that one process occupies.
func residentMemory(pid int) int {
	_, _, fields := readStat("/proc/" + strconv.Itoa(pid) + "/stat")
	if len(fields) < 22 {
		return 0
	}
	return number(fields[21]) * os.Getpagesize()
}

// readStat reads a file of proc(5): pid (name) and the fields behind them. There are none when the process has ended.
func readStat(file string) (pid int, name string, fields []string) {
	content, _ := os.ReadFile(file) //nolint:errcheck // the process has ended
	text := string(content)
	begin, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if begin < 0 || end < 0 {
		return 0, "", nil
	}
	return number(strings.TrimSpace(text[:begin])), text[begin+1 : end], strings.Fields(text[end+1:])
}

// ticks adds up times in hundredths of a second.
func ticks(fields ...string) (sum time.Duration) {
	for _, field := range fields {
		sum += time.Duration(number(field)) * 10 * time.Millisecond
	}
	return sum
}

func number(field string) int {
	n, _ := strconv.Atoi(field) //nolint:errcheck // the kernel writes numbers
	return n
}
