package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usage is the processor time that each part of the system has used so far. It is read from /proc
// (Linux, 10 ms grain) and empty elsewhere.
type usage map[string]time.Duration

// sub returns what was used since an earlier reading.
func (u usage) sub(before usage) usage {
	d := usage{}
	for name, t := range u {
		d[name] = t - before[name]
	}
	return d
}

func (u usage) total() time.Duration {
	var sum time.Duration
	for _, t := range u {
		sum += t
	}
	return sum
}

// machine returns the processor time that everybody on this machine has used so far.
func machine() time.Duration {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	// proc(5): cpu user nice system idle iowait irq softirq, in hundredths.
	line, _, _ := strings.Cut(string(content), "\n")
	var sum int
	for i, field := range strings.Fields(line) {
		if i == 1 || i == 2 || i == 3 || i == 6 || i == 7 {
			n, _ := strconv.Atoi(field) //nolint:errcheck // the kernel writes numbers
			sum += n
		}
	}
	return time.Duration(sum) * 10 * time.Millisecond
}

// cpu adds up this process and everything that it started.
func cpu() usage {
	type process struct {
		name   string
		parent int
		time   time.Duration
	}
	all := map[int]process{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat") //nolint:errcheck // the pattern is well-formed
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// proc(5): pid (name) state ppid ... The 14th to 17th are utime, stime and the same of children
		// that have ended, in hundredths.
		pid, rest, _ := strings.Cut(string(content), " ")
		end := strings.LastIndexByte(rest, ')')
		fields := strings.Fields(rest[end+1:])
		number := func(i int) int { n, _ := strconv.Atoi(fields[i]); return n } //nolint:errcheck // the kernel writes numbers
		id, _ := strconv.Atoi(pid)                                              //nolint:errcheck // likewise
		all[id] = process{
			name: strings.TrimPrefix(rest[:end], "("), parent: number(1),
			time: time.Duration(number(11)+number(12)+number(13)+number(14)) * 10 * time.Millisecond,
		}
	}
	ours := func(id int) bool {
		for id > 1 && id != os.Getpid() {
			id = all[id].parent
		}
		return id == os.Getpid()
	}
	u := usage{}
	for id, p := range all {
		if ours(id) {
			u[part(id, p.name)] += p.time
		}
	}
	return u
}

// part returns the name of what a process belongs to: a backend of Postgres to the service that
// it works for.
func part(id int, name string) string {
	switch name {
	case "postgres":
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id)) //nolint:errcheck // it has ended
		_, database, _ := strings.Cut(string(title), prefix+"_")
		database, _, _ = strings.Cut(database, " ")
		if strings.HasPrefix(string(title), "postgres: ") && database != "" {
			return "Postgres for " + database
		}
		return "Postgres itself"
	case "bench", "pgbench":
		return "load generator"
	case "router", "auth", "tickets", "orders", "payments", "stripesim", "expiration":
		return name
	default:
		return "RabbitMQ"
	}
}
