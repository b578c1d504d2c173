package stack

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// secrets derives every credential of a stack from one random value in its data folder, so that
// nothing is well known and the data can still be opened by the next run.
type secrets struct{ root []byte }

func openSecrets(dir string) (secrets, error) {
	path := filepath.Join(dir, "secret")
	root, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		root = []byte(rand.Text())
		err = os.WriteFile(path, root, 0o600)
	}
	if err != nil {
		return secrets{}, fmt.Errorf("open secrets: %w", err)
	}
	return secrets{root}, nil
}

// of returns the credential for a purpose: 64 hexadecimal digits.
func (s secrets) of(purpose string) string {
	mac := hmac.New(sha256.New, s.root)
	mac.Write([]byte(purpose))
	return hex.EncodeToString(mac.Sum(nil))
}
