package rpc

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc/status"

	"castnet/internal/wire"
)

const tokenPrefix = "castnet-"

// Token lets one remote transcoder enroll, once. It also names the orchestrator, so that the transcoder knows whom it
// talks to.
type Token struct {
	Operator common.Address `json:"operator"`
	ChainID  uint64         `json:"chain"`
	Secret   string         `json:"secret"`
}

// String gives the token as people paste it.
func (t Token) String() string {
	b, err := json.Marshal(t) //nolint:gosec // a token is a secret on its way to its owner
	if err != nil {
		return "" // three plain fields always encode
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// ParseToken reads a token as String wrote it.
func ParseToken(s string) (Token, error) {
	var t Token
	rest, ok := strings.CutPrefix(strings.TrimSpace(s), tokenPrefix)
	if !ok || len(rest) > 1024 {
		return t, fmt.Errorf("this is no token: one begins with %q; mint it by `castnet orchestrator token`", tokenPrefix)
	}
	b, err := base64.RawURLEncoding.DecodeString(rest)
	if err == nil {
		err = json.Unmarshal(b, &t)
	}
	if err != nil || t.Secret == "" {
		return Token{}, errors.New("token is damaged; copy it whole, or mint another by `castnet orchestrator token`")
	}
	return t, nil
}

// Credentials are what a remote transcoder keeps after it has enrolled (as JSON, in a file that only it can read).
type Credentials struct {
	Operator common.Address `json:"operator"`
	ChainID  uint64         `json:"chain"`
	// Certificate and Key are PEM.
	Certificate string `json:"certificate"`
	Key         string `json:"key"`
}

// Dial gives the configuration to reach the orchestrator at address with these credentials.
func (c *Credentials) Dial(address string) (DialConfig, error) {
	pair, err := tls.X509KeyPair([]byte(c.Certificate), []byte(c.Key))
	if err != nil {
		return DialConfig{}, fmt.Errorf("remote transcoder's certificate: %w; enroll again with a new token", err)
	}
	return DialConfig{Address: address, Operator: c.Operator, ChainID: c.ChainID, Certificate: &pair}, nil
}

// Due reports whether it is time to renew the certificate: half of its life is over. An expired one is an error.
func (c *Credentials) Due(now time.Time) (bool, error) {
	block, _ := pem.Decode([]byte(c.Certificate))
	if block == nil {
		return false, errors.New("remote transcoder's certificate is damaged; enroll again with a new token")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return false, fmt.Errorf("remote transcoder's certificate: %w; enroll again with a new token", err)
	}
	if now.After(cert.NotAfter) {
		return true, fmt.Errorf("remote transcoder's certificate expired on %s; enroll again with a new token", cert.NotAfter.Format(time.DateOnly))
	}
	return cert.NotAfter.Sub(now) < cert.NotAfter.Sub(cert.NotBefore)/2, nil
}

// Enroll makes a key, and exchanges the token for a certificate of it from the orchestrator at address.
func Enroll(ctx context.Context, address string, token Token) (*Credentials, error) {
	fresh, err := exchange(ctx, DialConfig{Address: address, Operator: token.Operator, ChainID: token.ChainID}, token.Secret)
	if err != nil {
		return nil, fmt.Errorf("enroll at %s: %w", address, err)
	}
	return fresh, nil
}

// Renew makes another key, and exchanges credentials that are still good for a certificate of it. The old ones stay good
// until they expire.
func (c *Credentials) Renew(ctx context.Context, address string) (*Credentials, error) {
	dial, err := c.Dial(address)
	if err != nil {
		return nil, err
	}
	fresh, err := exchange(ctx, dial, "")
	if err != nil {
		return nil, fmt.Errorf("renew the certificate at %s: %w", address, err)
	}
	return fresh, nil
}

// exchange asks for a certificate of a new key.
func exchange(ctx context.Context, dial DialConfig, token string) (*Credentials, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	client, err := Dial(dial)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	reply, err := client.pool.Enroll(ctx, &wire.EnrollRequest{Token: token, Csr: csr})
	if err != nil {
		return nil, errors.New(status.Convert(err).Message())
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return &Credentials{
		Operator: dial.Operator, ChainID: dial.ChainID,
		Certificate: encode("CERTIFICATE", reply.GetCertificate()), Key: encode("PRIVATE KEY", der),
	}, nil
}
