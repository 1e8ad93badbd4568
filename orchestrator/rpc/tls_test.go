package rpc_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"castnet/internal/identity"
	"castnet/orchestrator/rpc"
)

const chainID = 1337

func newKey(t *testing.T) *identity.Key {
	t.Helper()
	key, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certify(t *testing.T, operator identity.Signer, chain uint64, notAfter time.Time) *tls.Certificate {
	t.Helper()
	cert, err := rpc.NewCertificate(operator, chain, notAfter.Add(-time.Hour), notAfter)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// anonymous is a certificate like everybody else's, without the operator's word.
func anonymous(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"castnet"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// transplant puts the operator's word for one key into a certificate of another.
func transplant(t *testing.T, from *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from.Leaf.NotBefore, NotAfter: from.Leaf.NotAfter, DNSNames: from.Leaf.DNSNames,
	}
	for _, e := range from.Leaf.Extensions {
		if len(e.Id) == 3 && e.Id[0] == 2 && e.Id[1] == 25 {
			template.ExtraExtensions = append(template.ExtraExtensions, e)
		}
	}
	if len(template.ExtraExtensions) != 1 {
		t.Fatal("the certificate has no extension to steal")
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serveTLS runs a gRPC server without services: what answers is "unimplemented", once the handshake has passed.
func serveTLS(t *testing.T, cfg *tls.Config) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(cfg)))
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(ln)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return ln.Addr().String()
}

func TestServerIdentity(t *testing.T) {
	operator, stranger := newKey(t), newKey(t)
	soon := time.Now().Add(time.Hour).Truncate(time.Second)
	good := certify(t, operator, chainID, soon)
	tests := []struct {
		name string
		cert *tls.Certificate
		want string
	}{
		{"good", good, "unknown service"},
		{"wrong operator", certify(t, stranger, chainID, soon), "signed by another key"},
		{"other chain", certify(t, operator, chainID+1, soon), "signed by another key or for another chain"},
		{"expired", certify(t, operator, chainID, time.Now().Add(-time.Minute).Truncate(time.Second)), "check both clocks"},
		{"no extension", anonymous(t), "carries no operator's signature"},
		{"signature of another TLS key", transplant(t, good), "signed by another key"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{*test.cert}, MinVersion: tls.VersionTLS13})
			ask(t, address, operator.Address(), test.want)
		})
	}
	t.Run("TLS 1.2", func(t *testing.T) {
		cfg := &tls.Config{Certificates: []tls.Certificate{*good}, MaxVersion: tls.VersionTLS12}
		ask(t, serveTLS(t, cfg), operator.Address(), "protocol version")
	})
}

// ask makes any call, and expects its error to say want.
func ask(t *testing.T, address string, operator common.Address, want string) {
	t.Helper()
	client, err := rpc.Dial(rpc.DialConfig{Address: address, Operator: operator, ChainID: chainID})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	_, err = client.Settle(t.Context(), rpc.SettleAsk{})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("error %v, want one that says %q", err, want)
	}
}

func TestDialNeedsAnOperator(t *testing.T) {
	if _, err := rpc.Dial(rpc.DialConfig{Address: "127.0.0.1:1"}); err == nil {
		t.Fatal("dialled an orchestrator that nobody can check")
	}
}
