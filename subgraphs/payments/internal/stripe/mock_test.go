package stripe_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"boxoffice.dev/pkg/id"
	"boxoffice.dev/subgraphs/payments/internal/payment"
	"boxoffice.dev/subgraphs/payments/internal/stripe"
)

// stripeMock is the version of stripe-mock, which validates requests against Stripe's OpenAPI description and responds
// with example objects.
const stripeMock = "v0.203.0"

// mock starts the stripe-mock of this test binary and returns its URL.
var mock = sync.OnceValues(func() (string, error) {
	// It is built once, beside the other pinned tools.
	_, file, _, _ := runtime.Caller(0)
	bin := filepath.Join(filepath.Dir(file), "../../../../.data/bin/stripe-mock-"+stripeMock+"-"+runtime.Version())
	if _, err := os.Stat(filepath.Join(bin, "stripe-mock")); err != nil {
		install := exec.Command("go", "install", "github.com/stripe/stripe-mock@"+stripeMock)
		install.Env = append(os.Environ(), "GOBIN="+bin, "GOWORK=off", "GOFLAGS=")
		if out, err := install.CombinedOutput(); err != nil {
			return "", fmt.Errorf("install stripe-mock: %w\n%s", err, out)
		}
	}
	mockProcess = exec.Command(filepath.Join(bin, "stripe-mock"), "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0") //nolint:gosec // a pinned tool
	out, err := mockProcess.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := mockProcess.Start(); err != nil {
		return "", fmt.Errorf("start stripe-mock: %w", err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "Listening for HTTP at address: "); ok {
			return "http://" + address, nil
		}
	}
	return "", errors.New("stripe-mock ended before it listened")
})

var mockProcess *exec.Cmd

func TestMain(m *testing.M) {
	code := m.Run()
	if mockProcess != nil && mockProcess.Process != nil {
		_ = mockProcess.Process.Kill()
		_ = mockProcess.Wait()
	}
	os.Exit(code)
}

func mockURL(t *testing.T) *url.URL {
	t.Helper()
	address, err := mock()
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// exchange is a request of the Processor with its response.
type exchange struct {
	method, path, form string
	status             int
	body               []byte // of the response
}

// recorder forwards requests and records them.
type recorder struct {
	to *url.URL

	mu   sync.Mutex
	seen []exchange
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	form, _ := io.ReadAll(req.Body)
	out := req.Clone(req.Context())
	out.RequestURI, out.URL.Scheme, out.URL.Host = "", r.to.Scheme, r.to.Host
	out.URL.Path = r.to.Path + req.URL.Path
	out.Body = io.NopCloser(bytes.NewReader(form))
	resp, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	r.mu.Lock()
	r.seen = append(r.seen, exchange{req.Method, req.URL.RequestURI(), string(form), resp.StatusCode, body})
	r.mu.Unlock()
	for name := range resp.Header {
		w.Header().Set(name, resp.Header.Get(name))
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(body)
}

// record returns a Processor whose requests are recorded and forwarded.
func record(t *testing.T, to *url.URL, config stripe.Config) (payment.Processor, *recorder) {
	t.Helper()
	r := &recorder{to: to}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	config.APIBase = server.URL
	return stripe.New(config), r
}

// Every kind of request is valid according to Stripe's description of its API.
func TestRequestsAreValid(t *testing.T) {
	t.Parallel()
	to := mockURL(t)
	for _, config := range []stripe.Config{
		{SecretKey: "sk_test_123"},
		{SecretKey: "sk_test_123", ReturnURL: "https://shop.example/orders"},
		{SecretKey: "sk_test_123", Now: func() time.Time { return time.Now().Add(48 * time.Hour) }}, // searches before it sends
	} {
		p, r := record(t, to, config)
		callAll(t.Context(), p)
		paths := map[string]int{}
		for _, e := range r.seen {
			if e.status != http.StatusOK {
				t.Errorf("%s %s %s: got %d %s", e.method, e.path, e.form, e.status, e.body)
			}
			path, _, _ := strings.Cut(e.path, "?")
			paths[e.method+" "+path]++
		}
		for _, path := range []string{
			"POST /v1/payment_intents", "POST /v1/payment_intents/pi_1/capture", "POST /v1/payment_intents/pi_1/cancel",
			"GET /v1/payment_intents/pi_1", "GET /v1/payment_intents", "POST /v1/refunds", "GET /v1/refunds/re_1",
		} {
			if paths[path] == 0 {
				t.Errorf("%s was never sent", path)
			}
		}
	}
	t.Run("stripe-mock validates", func(t *testing.T) {
		resp, err := http.Get(to.String() + "/v1/payment_intents?nonsense=1")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			t.Error("stripe-mock accepted a parameter that does not exist")
		}
	})
}

// callAll calls every method. The results are examples.
func callAll(ctx context.Context, p payment.Processor) {
	_, _ = p.Authorize(ctx, authorization("pm_card_visa"))
	_, _ = p.Capture(ctx, id.New(id.Payment), "pi_1")
	_, _ = p.Void(ctx, id.New(id.Payment), "pi_1")
	_, _ = p.Find(ctx, "pi_1")
	_, _ = p.Refund(ctx, payment.RefundRequest{RefundID: id.New(id.Refund), PaymentID: id.New(id.Payment), Reference: "pi_1", Amount: usd(500)})
	_, _ = p.FindRefund(ctx, "re_1")
	for _, err := range p.Ledger(ctx, time.Now().Add(-time.Hour)) {
		if err != nil {
			break
		}
	}
}

// The simulator's responses have the shape of stripe-mock's responses to the same requests.
func TestSimulatorResponses(t *testing.T) {
	t.Parallel()
	to := mockURL(t)
	w := newWorld(t)
	simulated, err := url.Parse(w.url)
	if err != nil {
		t.Fatal(err)
	}
	p, r := record(t, simulated, stripe.Config{SecretKey: secretKey, ReturnURL: "https://shop.example/orders"})
	for _, token := range []string{"pm_card_visa", "pm_card_chargeDeclined", "pm_card_threeDSecure2Required", "pm_sim_capture_fails"} {
		a := authorization(token)
		i, err := p.Authorize(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = p.Capture(t.Context(), a.PaymentID, i.Reference)
		_, _ = p.Void(t.Context(), a.PaymentID, i.Reference)
		_, _ = p.Find(t.Context(), i.Reference)
		refund, _ := p.Refund(t.Context(), payment.RefundRequest{RefundID: id.New(id.Refund), PaymentID: a.PaymentID, Reference: i.Reference, Amount: usd(500)})
		_, _ = p.FindRefund(t.Context(), refund.Reference)
	}
	for _, err := range p.Ledger(t.Context(), time.Now().Add(-time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
	}
	shapes := 0
	for _, e := range r.seen {
		req, err := http.NewRequestWithContext(t.Context(), e.method, to.String()+e.path, strings.NewReader(e.form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer sk_test_123")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("stripe-mock: %s %s: got %s %s, %v", e.method, e.path, resp.Status, answer, err)
		}
		var ours, theirs map[string]any
		if err := errors.Join(json.Unmarshal(e.body, &ours), json.Unmarshal(answer, &theirs)); err != nil {
			t.Fatal(err)
		}
		if failure, ok := ours["error"].(map[string]any); ok { // stripe-mock never fails: compare the intent in the error
			if ours, ok = failure["payment_intent"].(map[string]any); !ok {
				continue
			}
		}
		shapes++
		compare(t, e.method+" "+e.path, ours, theirs)
	}
	if shapes < 15 {
		t.Errorf("compared only %d responses", shapes)
	}
}

// compare checks that theirs has each field in ours with the same JSON type. Null matches any type, and an id matches
// an expanded object.
func compare(t *testing.T, at string, ours, theirs any) {
	t.Helper()
	if ours == nil || theirs == nil {
		return
	}
	switch ours := ours.(type) {
	case map[string]any:
		object, ok := theirs.(map[string]any)
		if _, id := theirs.(string); id && ours["id"] != nil {
			return
		}
		if !ok {
			t.Errorf("%s: an object, at Stripe %T", at, theirs)
			return
		}
		for name, value := range ours {
			if other, there := object[name]; there {
				compare(t, at+"."+name, value, other)
			} else if !isOpen(at) {
				t.Errorf("%s.%s: not at Stripe", at, name)
			}
		}
	case []any:
		list, ok := theirs.([]any)
		if !ok {
			t.Errorf("%s: a list, at Stripe %T", at, theirs)
			return
		}
		for _, value := range ours {
			if len(list) > 0 {
				compare(t, at+"[]", value, list[0])
			}
		}
	case string:
		if object, ok := theirs.(map[string]any); ok && object["id"] != nil {
			return
		}
		if _, ok := theirs.(string); !ok {
			t.Errorf("%s: a string, at Stripe %T", at, theirs)
		}
	default:
		if fmt.Sprintf("%T", ours) != fmt.Sprintf("%T", theirs) {
			t.Errorf("%s: %T, at Stripe %T", at, ours, theirs)
		}
	}
}

// isOpen reports whether the object may have fields that stripe-mock leaves out: metadata, and objects with a field for
// each kind. The tests of Processor cover those.
func isOpen(at string) bool {
	return strings.HasSuffix(at, ".metadata") || strings.HasSuffix(at, ".last_payment_error") || strings.HasSuffix(at, ".next_action")
}
