package simulator

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestForm(t *testing.T) {
	t.Parallel()
	f, err := parseForm("amount=1999&expand[]=a&expand[]=b&types[1]=two&types[0]=one&types[10]=ten&metadata[payment_id]=pay_1&metadata[a%26b]=c%3Dd&empty=")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.value("amount"); got != "1999" {
		t.Errorf("amount: got %q", got)
	}
	if got := f.list("expand"); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("expand: got %q", got)
	}
	if got := f.list("types"); !slices.Equal(got, []string{"one", "two", "ten"}) {
		t.Errorf("types: got %q", got)
	}
	if got, want := f.hash("metadata"), map[string]string{"payment_id": "pay_1", "a&b": "c=d"}; !maps.Equal(got, want) {
		t.Errorf("metadata: got %q, want %q", got, want)
	}
	if got := f.value("nothing"); got != "" || f.list("nothing") != nil || f.hash("nothing") == nil {
		t.Errorf("nothing: got %q, %q, %q", got, f.list("nothing"), f.hash("nothing"))
	}
	if err := f.rejectUnread(); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("got %v, want the parameter that was not read", err)
	}
	for _, bad := range []string{"%", "a=1&a=2", "a=1&a[b]=2", "a[]=1&a[b]=2", "a=1&a[0]=2", "a[b]=1&a[b]=2", "a[b][c]=1", "[a]=1", "=1", "a[=1", "a]=1", "a[b]c=1"} {
		if f, err := parseForm(bad); err == nil {
			t.Errorf("%s: got %+v, want an error", bad, f)
		}
	}
}

// A parsed form holds exactly the values of the encoded form.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"", "a=1", "a[b]=1&a[c]=2", "a[]=1&a[]=2", "a[0]=1&a[1]=2", "a[b][c]=1", "%41=%zz", "a=1;b=2", "metadata[payment_id]=x&expand[0]=y&amount=3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		parsed, err := parseForm(encoded)
		if err != nil {
			return
		}
		raw, err := url.ParseQuery(encoded)
		if err != nil {
			t.Fatalf("accepted a malformed form: %v", err)
		}
		var sent, held []string
		for _, values := range raw {
			sent = append(sent, values...)
		}
		held = append(held, slices.Collect(maps.Values(parsed.values))...)
		for _, values := range parsed.lists {
			held = append(held, values...)
		}
		for _, values := range parsed.hashes {
			held = append(held, slices.Collect(maps.Values(values))...)
		}
		slices.Sort(sent)
		slices.Sort(held)
		if !slices.Equal(sent, held) {
			t.Errorf("sent %q, got %q", sent, held)
		}
	})
}
