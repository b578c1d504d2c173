package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"time"
)

func outbox(flags *flag.FlagSet) action {
	maxAge := flags.Duration("max-age", 10*time.Second, "the age from which an unpublished event is a problem")
	return func(ctx context.Context, s settings, _ []string) (report, error) {
		found, err := s.databases().Backlogs(ctx)
		r := report{
			json: found, summary: "all events are published in time",
			header: []string{"SERVICE", "WAITING", "OLDEST", "TYPE OF THE OLDEST"},
		}
		for _, b := range found {
			r.rows = append(r.rows, []string{b.Service, strconv.Itoa(b.Waiting), seconds(b.Oldest()), b.OldestType})
			if b.Oldest() > *maxAge {
				r.problem = true
				r.summary = fmt.Sprintf("events have waited for more than %s: are the service and the broker up?", *maxAge)
			}
		}
		return r, err
	}
}

func overdue(flags *flag.FlagSet) action {
	grace := flags.Duration("grace", 5*time.Second, "list only orders that are later than this")
	limit := flags.Int("limit", 100, "list at most this many per problem, the latest")
	return func(ctx context.Context, s settings, _ []string) (report, error) {
		found, err := s.databases().Overdue(ctx, *grace, *limit)
		r := report{
			problem: len(found) > 0, json: found, summary: fmt.Sprintf("%d overdue by more than %s", len(found), *grace),
			header: []string{"ORDER", "DUE AT", "LATE", "PROBLEM"},
		}
		for _, o := range found {
			r.rows = append(r.rows, []string{o.OrderID, o.DueAt.Format(time.RFC3339), seconds(o.Late()), o.Problem})
		}
		return r, err
	}
}

func reconcile(flags *flag.FlagSet) action {
	since := flags.Duration("since", 24*time.Hour, "compare payments that are at most this old")
	settle := flags.Duration("settle", 5*time.Second, "compare again after this time and list only what differs both times")
	return func(ctx context.Context, s settings, _ []string) (report, error) {
		payments, err := s.get("PAYMENTS_ADMIN_URL")
		if err != nil {
			return report{}, err
		}
		done, err := s.databases().Reconcile(ctx, payments+"/ledger", time.Now().Add(-*since), *settle)
		found := done.Discrepancies
		r := report{
			problem: len(found) > 0, json: done,
			summary: fmt.Sprintf("%d payments here, %d at the processor, %d there of other systems: %d discrepancies",
				done.Payments, done.Intents-done.Foreign, done.Foreign, len(found)),
			header: []string{"PAYMENT", "ORDER", "REFERENCE", "PROBLEM", "PROCESSOR", "HERE"},
		}
		for _, d := range found {
			r.rows = append(r.rows, []string{d.PaymentID, d.OrderID, d.Reference, d.Problem, d.Processor, d.Here})
		}
		return r, err
	}
}

func replicas(flags *flag.FlagSet) action {
	settle := flags.Duration("settle", 2*time.Second, "compare again after this time and list only what differs both times")
	limit := flags.Int("limit", 100, "stop after this many differences of each kind")
	return func(ctx context.Context, s settings, _ []string) (report, error) {
		found, err := s.databases().LastingDifferences(ctx, *settle, *limit)
		r := report{
			problem: len(found) > 0, json: found, summary: fmt.Sprintf("%d differences", len(found)),
			header: []string{"ID", "WHAT", "PROBLEM", "EXPECTED", "FOUND"},
		}
		for _, d := range found {
			r.rows = append(r.rows, []string{d.ID, d.What, d.Problem, d.Expected, d.Found})
		}
		return r, err
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
