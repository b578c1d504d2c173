package simulator

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The bank's page, where buyers authenticate (3-D Secure). Its URL has a secret, so no other site can submit its form.
// The secret is in the query, which logs leave out.

func (s *Simulator) pageURL(i intent) string { return s.config.URL + "/bank?secret=" + i.PageSecret }

const bankStyle = `body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:10vh auto;padding:0 1rem}
button{font:inherit;padding:.5rem 1rem;margin-right:.5rem}`

var bankPage = template.Must(template.New("bank").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Simulated bank</title>
<style>` + bankStyle + `</style>
</head>
<body>
<main>
<h1>Simulated bank</h1>
{{if .Waiting}}<p>Do you want to pay{{with .Description}} for {{.}}{{end}} with your card ending in {{.Last4}}?</p>
<form method="post">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="decline">Decline</button>
</form>{{else}}<p>{{.Message}}</p>{{end}}
</main>
</body>
</html>
`))

type bankView struct {
	Waiting            bool
	Description, Last4 string
	Message            string
}

func (s *Simulator) showPage(w http.ResponseWriter, r *http.Request) {
	i, err := findIntentOfPage(r.Context(), s.pool, r.URL.Query().Get("secret"))
	s.writePage(w, r, i, err)
}

// decidePage applies the buyer's decision. Only the first decision has an effect.
func (s *Simulator) decidePage(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	decision := r.PostFormValue("decision")
	if decision != "approve" && decision != "decline" {
		s.writePage(w, r, intent{}, invalid("decision", "The decision must be approve or decline."))
		return
	}
	i, err := s.decide(r.Context(), r.URL.Query().Get("secret"), decision == "approve")
	s.wake.Send()
	if err != nil || i.ReturnURL == "" {
		s.writePage(w, r, i, err)
		return
	}
	http.Redirect(w, r, returnTo(i), http.StatusSeeOther) //nolint:gosec // the client chose it with its key
}

func (s *Simulator) decide(ctx context.Context, secret string, approved bool) (intent, error) {
	i, err := findIntentOfPage(ctx, s.pool, secret)
	if err != nil {
		return intent{}, err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) (err error) {
		if i, err = lockIntent(ctx, tx, i.ID); err != nil || i.Status != requiresAction {
			return err
		}
		if approved {
			i, err = s.authorize(ctx, tx, i)
		} else {
			i, err = s.decline(ctx, tx, i, decline{code: authenticationFailure})
		}
		return err
	})
	return i, err
}

// returnTo returns the return URL with the parameters that Stripe adds to it:
// https://docs.stripe.com/payments/3d-secure/authentication-flow.
func returnTo(i intent) string {
	u, err := url.Parse(i.ReturnURL)
	if err != nil {
		return i.ReturnURL
	}
	q := u.Query()
	q.Set("payment_intent", i.ID)
	q.Set("payment_intent_client_secret", i.ClientSecret)
	if i.Status == requiresPaymentMethod {
		q.Set("redirect_status", "failed")
	} else {
		q.Set("redirect_status", "succeeded")
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func (s *Simulator) writePage(w http.ResponseWriter, r *http.Request, i intent, err error) {
	view, status := bankView{Message: "You can close this page."}, http.StatusOK
	var refused apiError
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		view.Message, status = "This page does not exist.", http.StatusNotFound
	case errors.As(err, &refused):
		view.Message, status = refused.Message, http.StatusBadRequest
	case err != nil:
		slog.ErrorContext(r.Context(), "bank page failed", "error", err)
		view.Message, status = "Something went wrong. Please try again.", http.StatusInternalServerError
	case i.Status == requiresAction:
		view = bankView{Waiting: true, Description: i.Description, Last4: i.token().last4}
	}
	var page bytes.Buffer
	if err := bankPage.Execute(&page, view); err != nil {
		panic(err) // the template is invalid
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", contentPolicy(i))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer") // the URL is secret
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if _, err := page.WriteTo(w); err != nil {
		slog.DebugContext(r.Context(), "write page", "error", err)
	}
}

var bankStyleHash = func() string {
	sum := sha256.Sum256([]byte(bankStyle))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// contentPolicy allows the page's style and its form, which redirects to the return URL.
func contentPolicy(i intent) string {
	form := "'self'"
	if u, err := url.Parse(i.ReturnURL); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,") {
		form += " " + u.Scheme + "://" + u.Host
	}
	return "default-src 'none'; style-src 'sha256-" + bankStyleHash + "'; form-action " + form +
		"; base-uri 'none'; frame-ancestors 'none'"
}
