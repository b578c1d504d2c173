package engine

import "testing"

func TestInnerListsAreWrapped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{`{"data":{"m":[[1,2],null,[],[3]],"n":[[1]]}}`, `{"data":{"m":[{"_l":[1,2]},null,{"_l":[]},{"_l":[3]}],"n":[[1]]}}`},
		{`{"m":[[[{"a":1}],[]]]}`, `{"m":[{"_l":[{"_l":[{"a":1}]},{"_l":[]}]}]}`},
		{`{"m":[[{"x":[[1]],"m":[[2]]}]]}`, `{"m":[{"_l":[{"x":[[1]],"m":[{"_l":[2]}]}]}]}`},
		{`{"m":["[\"[",["]"]],"x":"m","y":[["m"]]}`, `{"m":["[\"[",{"_l":["]"]}],"x":"m","y":[["m"]]}`},
		{`{"m":[{"n":[[1]]}],"m":[]}`, `{"m":[{"n":[[1]]}],"m":[]}`},
		{`[[1]]`, `[[1]]`}, {``, ``}, {`]}`, `]}`}, {`{"m`, `{"m`}, {`"\`, `"\`},
	} {
		if got := string(wrapInner([]byte(c.text), map[string]bool{"m": true})); got != c.want {
			t.Errorf("%s: got %s, want %s", c.text, got, c.want)
		}
	}
}
