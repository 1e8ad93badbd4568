package orchestrator

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/orchestrator/rpc"
	"castnet/transcoder"
)

const (
	authorityLife   = 20 * 365 * 24 * time.Hour
	certificateLife = 2 * 365 * 24 * time.Hour
	maxToken        = 128     // bytes
	maxRequest      = 4 << 10 // bytes of a certificate request; one of a P-256 key has about 200
)

// ErrToken is returned for a token that was not minted here, was used, or has expired.
var ErrToken = errors.New("token is unknown, used or expired; mint another by `castnet orchestrator token`")

// TokenStore keeps the tokens that have not been used. Only their hashes are stored.
type TokenStore interface {
	// AddToken stores a token until expires. It is durable when it returns.
	AddToken(ctx context.Context, hash common.Hash, expires time.Time) error
	// UseToken removes a token, durably. It returns ErrToken where there is none, or it has expired at now.
	UseToken(ctx context.Context, hash common.Hash, now time.Time) error
}

// Authority gives remote transcoders their certificates: a token, minted by the operator, is exchanged for one, once.
type Authority struct {
	store TokenStore
	fleet *Fleet
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	now   func() time.Time
}

// LoadAuthority reads the authority's key and certificate from a PEM file, or makes both and writes the file, readable
// by its owner only. Transcoders that dial in join fleet.
func LoadAuthority(path string, store TokenStore, fleet *Fleet) (*Authority, error) {
	a := &Authority{store: store, fleet: fleet, now: time.Now}
	b, err := os.ReadFile(path) //nolint:gosec // the operator says where
	if errors.Is(err, os.ErrNotExist) {
		if b, err = newAuthority(a.now()); err == nil {
			err = writeNew(path, b)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	if a.cert, a.key, err = parseAuthority(b); err != nil {
		return nil, fmt.Errorf("certificate authority %s: %w; remove the file to make a new one (transcoders enroll again)", path, err)
	}
	return a, nil
}

func newAuthority(now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "Castnet transcoders"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

// writeNew writes a secret file that must not exist yet, whole or not at all.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator says where
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func parseAuthority(b []byte) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	certBlock, rest := pem.Decode(b)
	keyBlock, _ := pem.Decode(rest)
	if certBlock == nil || keyBlock == nil {
		return nil, nil, errors.New("file does not hold a certificate and a key")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, nil, err
	}
	key, ok := private.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("key of type %T", private)
	}
	return cert, key, nil
}

// ClientCAs is what verifies the certificates given out here.
func (a *Authority) ClientCAs() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// MintToken makes a token for one remote transcoder, good until ttl is over. operator and chainID are what the
// transcoder checks the orchestrator by.
func MintToken(ctx context.Context, store TokenStore, operator common.Address, chainID uint64, ttl time.Duration) (rpc.Token, error) {
	t := rpc.Token{Operator: operator, ChainID: chainID, Secret: rand.Text()}
	if err := store.AddToken(ctx, sha256.Sum256([]byte(t.Secret)), time.Now().Add(ttl)); err != nil {
		return rpc.Token{}, fmt.Errorf("store the token: %w", err)
	}
	return t, nil
}

// Enroll exchanges a token for a certificate (DER) of the key that signed csr.
func (a *Authority) Enroll(ctx context.Context, token string, csr []byte) ([]byte, error) {
	if len(token) == 0 || len(token) > maxToken {
		return nil, ErrToken
	}
	request, err := parseRequest(csr)
	if err != nil {
		return nil, err
	}
	if err := a.store.UseToken(ctx, sha256.Sum256([]byte(token)), a.now()); err != nil {
		return nil, err
	}
	return a.issue(request, "transcoder-"+strings.ToLower(rand.Text()[:8]))
}

// Renew gives the holder of a certificate with this name another one, of the key that signed csr.
func (a *Authority) Renew(_ context.Context, name string, csr []byte) ([]byte, error) {
	request, err := parseRequest(csr)
	if err != nil {
		return nil, err
	}
	return a.issue(request, name)
}

func parseRequest(csr []byte) (*x509.CertificateRequest, error) {
	if len(csr) > maxRequest {
		return nil, fmt.Errorf("certificate request of %d bytes: allowed are %d", len(csr), maxRequest)
	}
	request, err := x509.ParseCertificateRequest(csr)
	if err == nil {
		err = request.CheckSignature()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate request: %w", err)
	}
	return request, nil
}

func (a *Authority) issue(request *x509.CertificateRequest, name string) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := a.now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	return x509.CreateCertificate(rand.Reader, template, a.cert, request.PublicKey, a.key)
}

// Attach adds a transcoder that has dialled in to the fleet.
func (a *Authority) Attach(t transcoder.Transcoder) (detach func()) { return a.fleet.Add(t) }
