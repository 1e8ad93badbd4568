package rpc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"castnet/internal/identity"
)

// serverName is what clients ask for by SNI. It identifies nothing: the operator's signature does.
const serverName = "castnet"

// certificateLife is how long a server certificate is good for; it is made anew after half of that.
const certificateLife = 7 * 24 * time.Hour

// backdate forgives a client's clock that is behind.
const backdate = 10 * time.Minute

// operatorExtension returns the identifier of the certificate extension: the operator key's signature over
// certificateDigest. It is from the arc 2.25, which needs no registration; crypto/x509 reads components of 31 bits.
func operatorExtension() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{2, 25, 1178683727}
}

// ErrIdentity is wrapped by every error of a server that is not the operator it should be.
var ErrIdentity = errors.New("server is not the orchestrator's operator")

// certificateDigest is what the operator signs: that a TLS key speaks for it on one chain until notAfter.
func certificateDigest(spki []byte, chainID uint64, notAfter time.Time) common.Hash {
	hash := sha256.Sum256(spki)
	var numbers [16]byte
	binary.BigEndian.PutUint64(numbers[:8], chainID)
	binary.BigEndian.PutUint64(numbers[8:], uint64(notAfter.Unix()))
	return crypto.Keccak256Hash([]byte("\x19Castnet server key v1\n"), hash[:], numbers[:])
}

// NewCertificate makes a fresh TLS key and the certificate that binds it to the operator until notAfter.
func NewCertificate(operator identity.Signer, chainID uint64, now, notAfter time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	signature, err := operator.SignHash(certificateDigest(spki, chainID, notAfter))
	if err != nil {
		return nil, fmt.Errorf("sign the server certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:    big.NewInt(now.UnixNano()),
		Subject:         pkix.Name{CommonName: operator.Address().Hex()},
		DNSNames:        []string{serverName},
		NotBefore:       now.Add(-backdate),
		NotAfter:        notAfter,
		KeyUsage:        x509.KeyUsageDigitalSignature,
		ExtKeyUsage:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		ExtraExtensions: []pkix.Extension{{Id: operatorExtension(), Value: signature}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// certificates hands out the server certificate and replaces it when half of its life is over.
type certificates struct {
	operator identity.Signer
	chainID  uint64
	now      func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
}

func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.current != nil && c.current.Leaf.NotAfter.Sub(now) > certificateLife/2 {
		return c.current, nil
	}
	fresh, err := NewCertificate(c.operator, c.chainID, now, now.Add(certificateLife).Truncate(time.Second))
	if err != nil {
		if c.current != nil && now.Before(c.current.Leaf.NotAfter) {
			return c.current, nil // the key may be back before the old one ends
		}
		return nil, err
	}
	c.current = fresh
	return fresh, nil
}

// serverTLS is the server's side. Client certificates are the remote transcoders'; broadcasters have none and sign
// their requests instead.
func serverTLS(certs *certificates, clients *x509.CertPool) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: certs.get,
		ClientAuth:     tls.VerifyClientCertIfGiven,
		ClientCAs:      clients,
	}
}

// clientTLS is the client's side: the server must hold a key that operator has signed for chainID.
func clientTLS(operator common.Address, chainID uint64, now func() time.Time) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: serverName,
		// Certificates are self-signed: no authority vouches for them, the operator's key does, below.
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection checks the operator's signature instead
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return fmt.Errorf("%w: it shows no certificate", ErrIdentity)
			}
			return verifyCertificate(state.PeerCertificates[0], operator, chainID, now())
		},
		Time: now,
	}
}

// verifyCertificate checks that operator has signed the certificate's key for chainID, and that it is valid now.
// The handshake has proven possession of the key.
func verifyCertificate(cert *x509.Certificate, operator common.Address, chainID uint64, now time.Time) error {
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return fmt.Errorf("%w: its certificate is valid from %s to %s, and it is %s; check both clocks", ErrIdentity,
			cert.NotBefore.Format(time.RFC3339), cert.NotAfter.Format(time.RFC3339), now.Format(time.RFC3339))
	}
	var signature []byte
	for _, e := range cert.Extensions {
		if e.Id.Equal(operatorExtension()) {
			signature = e.Value
		}
	}
	if signature == nil {
		return fmt.Errorf("%w: its certificate carries no operator's signature", ErrIdentity)
	}
	digest := certificateDigest(cert.RawSubjectPublicKeyInfo, chainID, cert.NotAfter)
	signer, err := identity.Recover(digest, signature)
	if err != nil {
		return fmt.Errorf("%w: operator's signature: %w", ErrIdentity, err)
	}
	if signer != operator {
		return fmt.Errorf("%w: expected %s on chain %d, its certificate is signed by another key or for another chain (%s)",
			ErrIdentity, operator, chainID, signer)
	}
	return nil
}
