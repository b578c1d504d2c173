package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"time"
)

func outboxes(flags *flag.FlagSet) look {
	maxAge := flags.Duration("max-age", 10*time.Second, "an event that has waited for longer is a fault")
	return func(ctx context.Context, where settings, args []string) (report, error) {
		if len(args) > 0 {
			return report{}, errUsage
		}
		found, err := where.databases().Outboxes(ctx)
		if err != nil {
			return report{}, err
		}
		r := report{header: []string{"SERVICE", "WAITING", "OLDEST", "TYPE OF THE OLDEST"}, summary: "all events are published in time", json: found}
		for _, w := range found {
			r.rows = append(r.rows, []string{w.Service, strconv.Itoa(w.Waiting), seconds(w.Oldest()), w.OldestType})
			if w.Oldest() > *maxAge {
				r.wrong = true
				r.summary = fmt.Sprintf("events wait for longer than %s: is the broker up, and the service?", *maxAge)
			}
		}
		return r, nil
	}
}
