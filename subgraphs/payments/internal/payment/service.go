package payment

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"boxoffice.dev/pkg/outbox"
	"boxoffice.dev/pkg/postgres"
	"boxoffice.dev/pkg/worker"
	"boxoffice.dev/subgraphs/internal/signal"
)

//go:embed migrations
var files embed.FS

// Migrations creates the service's tables, except the outbox.
func Migrations() postgres.Migrations { return postgres.Migrations{Name: "payments", Files: files} }

// Config configures a Service.
type Config struct {
	Wait            time.Duration `env:"PAYMENT_WAIT" envDefault:"3s" help:"how long payOrder and refundPayment wait for the outcome before they return the current state"`
	GiveUpAfter     time.Duration `env:"PAYMENT_GIVE_UP" envDefault:"2m" min:"1s" help:"fail a payment if the processor still has no record of it after this time"`
	FailuresPerHour int           `env:"FAILED_PAYMENTS_PER_HOUR" envDefault:"20" min:"1" help:"failed payments per buyer and hour, after which payOrder refuses more; limits the testing of stolen cards"`
}

// Service has the use cases of payments. Each owns its transactions.
type Service struct {
	cfg       Config
	pool      *pgxpool.Pool
	outbox    *outbox.Outbox
	processor Processor
	now       func() time.Time
	wake      worker.Wake // of Drive
	changes   signal.Hub  // by order id, and for refunds by payment id
}

// NewService returns the use cases on a migrated database.
func NewService(
	cfg Config, pool *pgxpool.Pool, box *outbox.Outbox, processor Processor, now func() time.Time,
) *Service {
	return &Service{
		cfg: cfg, pool: pool, outbox: box, processor: processor, wake: worker.NewWake(),
		now: func() time.Time { return now().UTC().Truncate(time.Millisecond) }, // as the schema's DateTime
	}
}

// hash returns the form in which a request is stored, to recognise a reused idempotency key.
func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return hex.EncodeToString(sum[:])
}
