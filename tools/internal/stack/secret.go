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

// secrets derives the credentials of a stack from a random value in its data folder, so that the next run has the same.
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

// of returns the credential for the purpose, 64 hexadecimal digits.
func (s secrets) of(purpose string) string {
	mac := hmac.New(sha256.New, s.root)
	mac.Write([]byte(purpose))
	return hex.EncodeToString(mac.Sum(nil))
}
