package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"time"
)

// An account signs its tokens itself, as https://google.aip.dev/auth/4111 has it.
type account struct {
	key   *rsa.PrivateKey
	email string
}

// newAccount leaves the file that Google would hand out for it.
func newAccount(file string) (*account, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	made := &account{key: key, email: "flink@tests.iam.gserviceaccount.com"}
	content, err := json.Marshal(map[string]string{
		"type":           "service_account",
		"project_id":     "tests",
		"private_key_id": "key-of-the-tests",
		"private_key":    string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
		"client_email":   made.email,
		"client_id":      "1",
		"token_uri":      "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		return nil, err
	}
	return made, os.WriteFile(file, content, 0o600)
}

func (a *account) check(authorization string) error {
	token, found := strings.CutPrefix(authorization, "Bearer ")
	signed, signature := token, ""
	if last := strings.LastIndex(token, "."); last >= 0 {
		signed, signature = token[:last], token[last+1:]
	}
	if !found || signature == "" {
		return errors.New("Authentication required.")
	}
	_, body, _ := strings.Cut(signed, ".")
	var claims struct {
		Issuer string `json:"iss"`
		Expiry int64  `json:"exp"`
	}
	content, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || json.Unmarshal(content, &claims) != nil {
		return errors.New("The token is not one.")
	}
	decoded, err := base64.RawURLEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(signed))
	if err != nil || rsa.VerifyPKCS1v15(&a.key.PublicKey, crypto.SHA256, sum[:], decoded) != nil {
		return errors.New("The signature of the token does not match.")
	}
	if claims.Issuer != a.email || claims.Expiry < time.Now().Unix() {
		return errors.New("The token is of another account, or has expired.")
	}
	return nil
}
