package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"boxoffice.dev/tools/internal/stack"
)

var (
	steps  = regexp.MustCompile("(?s)```graphql\n(.*?)```\n\n```json\n(.*?)```")
	anyID  = regexp.MustCompile(`\b(tkt|ord|pay)_[0-9a-z]{26}\b`)
	reveal = regexp.MustCompile(`"secondsUntilExpiry": ?\d+`)
)

// The tour in the README is run as it stands, by one browser; only ids and seconds may differ.
func TestTourOfTheREADME(t *testing.T) {
	t.Parallel()
	s := Shared(t)
	root, err := stack.Root()
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	browser := s.Browser()
	ours := map[string]string{} // the README's ids to ours
	tour := steps.FindAllStringSubmatch(string(readme), -1)
	if len(tour) < 8 {
		t.Fatalf("found only %d steps", len(tour))
	}
	for _, step := range tour {
		query := anyID.ReplaceAllStringFunc(step[1], func(id string) string { return ours[id] })
		want := anonymous(t, step[2])
		var got any
		Eventually(t, "the README's answer to\n"+step[1]+"which is\n"+step[2], func() bool {
			r := browser.Do(t, query, nil)
			learn(ours, step[2], string(r.Content))
			got = anonymous(t, string(r.Content))
			if !reflect.DeepEqual(got, want) {
				t.Logf("not yet: %s", r.Content)
			}
			return reflect.DeepEqual(got, want)
		})
	}
}

// learn pairs the ids of the README's answer with those of ours, by the order of their appearance.
func learn(ours map[string]string, theirs, answer string) {
	ids := anyID.FindAllString(answer, -1)
	for i, id := range anyID.FindAllString(theirs, -1) {
		if i < len(ids) {
			ours[id] = ids[i]
		}
	}
}

// anonymous returns an answer without what differs from run to run.
func anonymous(t *testing.T, answer string) any {
	t.Helper()
	answer = anyID.ReplaceAllString(answer, "${1}_")
	answer = reveal.ReplaceAllString(answer, `"secondsUntilExpiry":0`)
	var v any
	if err := json.NewDecoder(strings.NewReader(answer)).Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	return v
}
