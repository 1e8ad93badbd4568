// Package account opens the chain for one command, as one account, and carries out what the command decides: it shows what will
// happen, asks, signs and reports.
package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/contracts/chain/endpoint"
	"castnet/internal/identity"
	"castnet/internal/node/console"
)

// Network says which contracts a command speaks to.
type Network struct {
	RPC       string `default:"ws://127.0.0.1:8545" help:"JSON-RPC of the chain's node, ws:// or http://." placeholder:"URL"`
	Cache     string `default:"${state}/cache" help:"Keep what was read of the chain's log in this folder." placeholder:"DIR" type:"path"`
	Contracts string `default:"${state}/contracts.json" help:"The addresses file of the contracts, as 'castnet chain deploy' writes it." placeholder:"FILE" type:"path"`
}

// Keys says where key files are, and whose is meant.
type Keys struct {
	Keystore string `default:"${state}/keys" help:"The encrypted key file, or the folder of them." placeholder:"PATH" type:"path"`
	Account  string `help:"The account: a key file's name or an address. Not needed where there is one key file only." placeholder:"ACCOUNT"`
}

// Reading is what a command that changes nothing is told.
type Reading struct {
	Network        `embed:""`
	Keys           `embed:""`
	console.Output `embed:""`
}

// Signing is what a command that changes something is told.
type Signing struct {
	Network         `embed:""`
	Keys            `embed:""`
	PasswordFile    string `help:"The file whose first line decrypts the key file. Without it the password is asked for." placeholder:"FILE" type:"path"`
	ExternalSigner  string `help:"Have transactions signed by clef, Web3Signer or whatever speaks their JSON-RPC, instead of by a key file." placeholder:"URL"`
	Pending         string `default:"${state}/pending" help:"Keep what was sent and is not final yet in this folder, so that a command that is interrupted is gone on with by the next one." placeholder:"DIR" type:"path"`
	console.Consent `embed:""`
}

// Session is a command's connection to the contracts.
type Session struct {
	*chain.Client
	Self common.Address // the account
	Now  time.Time      // by the chain's clock, when the command began

	console *console.Console
	consent console.Consent
	cache   string       // folder
	unlock  func() error // asks for what signing needs
	earlier []earlier    // that took effect
}

// addresses names the contracts.
func (n Network) addresses() (chain.Addresses, error) {
	addresses, err := chain.ReadAddresses(n.Contracts)
	if err != nil {
		return addresses, fmt.Errorf("%w (--contracts: 'castnet chain deploy' writes this file, or whoever runs the network gives it to you)", err)
	}
	return addresses, nil
}

// dial connects; cfg says as whom.
func (n Network) dial(ctx context.Context, con *console.Console, cfg chain.Config) (*chain.Client, error) {
	cfg.URL, cfg.Log = n.RPC, slog.New(slog.NewTextHandler(con.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	client, err := chain.Dial(ctx, cfg)
	if _, ok := errors.AsType[*chain.DeploymentError](err); ok {
		return nil, fmt.Errorf("%w (the node: --rpc %s; the contracts: --contracts %s)", err, endpoint.Name(n.RPC), n.Contracts)
	}
	if err != nil {
		return nil, fmt.Errorf("chain at %s: %w (--rpc)", endpoint.Name(n.RPC), err)
	}
	return client, nil
}

// Open connects to read, and runs f.
func (r Reading) Open(ctx context.Context, con *console.Console, f func(context.Context, *Session) error) error {
	self, err := r.address()
	if err != nil {
		return err
	}
	addresses, err := r.addresses()
	if err != nil {
		return err
	}
	client, err := r.dial(ctx, con, chain.Config{Addresses: addresses})
	if err != nil {
		return err
	}
	return run(ctx, &Session{Client: client, Self: self, console: con, consent: console.Consent{Output: r.Output}, cache: r.Cache}, f)
}

// address is the account that is looked at; reading needs no key.
func (r Reading) address() (common.Address, error) {
	if common.IsHexAddress(r.Account) {
		return identity.ParseAddress(r.Account)
	}
	file, err := identity.FindKey(r.Keystore, r.Account)
	return file.Address, err
}

// Open connects to write, and runs f. The key is decrypted when a change has been agreed to, not before.
func (s Signing) Open(ctx context.Context, con *console.Console, f func(context.Context, *Session) error) error {
	signer, err := s.Signer(ctx, con)
	if err != nil {
		return err
	}
	defer signer.Close()
	addresses, err := s.addresses()
	if err != nil {
		return err
	}
	cfg := chain.Config{Addresses: addresses, Signer: signer.Signer}
	session := &Session{Self: signer.Address(), console: con, consent: s.Consent, cache: s.Cache, unlock: signer.Unlock}
	if s.DryRun { // sends nothing, not even what another command had sent
		if session.Client, err = s.dial(ctx, con, cfg); err != nil {
			return err
		}
		return run(ctx, session, f)
	}
	inFlight, err := s.openPending(ctx, addresses.ChainID, signer)
	if err != nil {
		return err
	}
	defer func() { _ = inFlight.Close() }() // every commit is durable already
	cfg.Transactions = inFlight
	if session.Client, err = s.dial(ctx, con, cfg); err != nil {
		return err
	}
	if len(inFlight.left) > 0 { // a higher fee may have to be signed
		if err := signer.Unlock(); err != nil {
			return err
		}
	}
	return run(ctx, session, func(ctx context.Context, session *Session) error {
		if err := session.settle(ctx, inFlight); err != nil {
			return err
		}
		return f(ctx, session)
	})
}

// Signer is whose key signs, and where it is.
type Signer struct {
	chain.Signer
	Unlock func() error // asks for the password, where there is one; to be called before the first signature
	Close  func()
}

// Signer finds the key file, or connects to the external signer.
func (s Signing) Signer(ctx context.Context, con *console.Console) (Signer, error) {
	if s.ExternalSigner == "" {
		file, err := identity.FindKey(s.Keystore, s.Account)
		key := &locked{file: file, passwordFile: s.PasswordFile, console: con}
		return Signer{key, key.unlock, func() {}}, err
	}
	var account common.Address
	if s.Account != "" {
		var err error
		if account, err = identity.ParseAddress(s.Account); err != nil {
			return Signer{}, fmt.Errorf("--account: %w; an external signer's accounts have no names", err)
		}
	}
	external, err := identity.DialExternal(ctx, s.ExternalSigner, account)
	if err != nil {
		return Signer{}, err
	}
	return Signer{external, func() error { return nil }, external.Close}, nil
}

// run follows the chain while f works.
func run(ctx context.Context, s *Session, f func(context.Context, *Session) error) error {
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(running) }()
	err := errNoHead
	if head, ok := <-s.Heads(running); ok {
		s.Now = head.Time
		err = f(ctx, s)
	}
	stop()
	return errors.Join(err, <-ended)
}

var errNoHead = errors.New("the chain's node tells no block (--rpc)")

// locked is a key file's signer that is opened once, when it is needed.
type locked struct {
	file         identity.KeyFile
	passwordFile string
	console      *console.Console
	key          *identity.Key
}

// Address is known without the password.
func (l *locked) Address() common.Address { return l.file.Address }

// SignHash signs, after unlock.
func (l *locked) SignHash(hash common.Hash) ([]byte, error) {
	if l.key == nil {
		return nil, fmt.Errorf("the key of %s has not been opened", l.file.Name)
	}
	return l.key.SignHash(hash)
}

func (l *locked) unlock() (err error) {
	if l.key != nil {
		return nil
	}
	l.key, err = OpenKey(l.file, l.passwordFile, l.console)
	return err
}

// OpenKey decrypts a key with the password in passwordFile, or with one that it asks for.
func OpenKey(file identity.KeyFile, passwordFile string, con *console.Console) (key *identity.Key, err error) {
	var password string
	if passwordFile != "" {
		password, err = identity.ReadPassword(passwordFile)
	} else {
		password, err = con.Password("Password of "+file.Name, false)
	}
	if err != nil {
		return nil, err
	}
	return file.Open(password)
}
