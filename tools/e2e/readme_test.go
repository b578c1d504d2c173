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
	tourSteps = regexp.MustCompile("(?s)```graphql\n(.*?)```\n\n```json\n(.*?)```")
	anyID     = regexp.MustCompile(`\b(tkt|ord|pay)_[0-9a-z]{26}\b`)
	seconds   = regexp.MustCompile(`"secondsUntilExpiry": ?\d+`)
)

// One browser runs the tour in the README. Only ids and seconds may differ from the documented responses.
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
	ids := map[string]string{} // those of this run by those in the README
	tour := tourSteps.FindAllStringSubmatch(string(readme), -1)
	if len(tour) < 8 {
		t.Fatalf("found only %d steps", len(tour))
	}
	for _, step := range tour {
		query := anyID.ReplaceAllStringFunc(step[1], func(id string) string { return ids[id] })
		want := normalize(t, step[2])
		var got any
		Eventually(t, "the response of the README\n"+step[2]+"to\n"+step[1], func() bool {
			r := browser.Do(t, query, nil)
			pairIDs(ids, step[2], string(r.Content))
			got = normalize(t, string(r.Content))
			if !reflect.DeepEqual(got, want) {
				t.Logf("not yet: %s", r.Content)
			}
			return reflect.DeepEqual(got, want)
		})
	}
}

// pairIDs maps the ids in a documented response to those at the same position in the actual response.
func pairIDs(ids map[string]string, documented, actual string) {
	found := anyID.FindAllString(actual, -1)
	for i, id := range anyID.FindAllString(documented, -1) {
		if i < len(found) {
			ids[id] = found[i]
		}
	}
}

// normalize decodes a response without the parts that differ from run to run.
func normalize(t *testing.T, response string) any {
	t.Helper()
	response = anyID.ReplaceAllString(response, "${1}_")
	response = seconds.ReplaceAllString(response, `"secondsUntilExpiry":0`)
	var v any
	if err := json.NewDecoder(strings.NewReader(response)).Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, response)
	}
	return v
}
