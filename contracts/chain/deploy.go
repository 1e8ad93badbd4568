package chain

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"castnet/contracts/bindings"
)

// Defaults of DeployConfig.
const (
	DefaultRoundLength     = time.Hour
	DefaultTicketValidity  = 24 * time.Hour
	DefaultUnlockMargin    = 24 * time.Hour // of the unlock period over round length and ticket validity
	DefaultUnbondingPeriod = 7 * 24 * time.Hour
	DefaultMaxActive       = 100
)

// Allocation is CAST that exists from the beginning.
type Allocation struct {
	Account common.Address
	Amount  *big.Int // CAST
}

// DeployConfig says what to deploy and where.
type DeployConfig struct {
	URL    string // JSON-RPC of the node
	File   string // the addresses file: read if it exists, else written when all contracts are in place
	Signer Signer // pays for the deployment

	RoundLength     time.Duration // default DefaultRoundLength
	TicketValidity  time.Duration // default DefaultTicketValidity
	UnlockPeriod    time.Duration // default and minimum: more than RoundLength + TicketValidity, by DefaultUnlockMargin
	UnbondingPeriod time.Duration // default DefaultUnbondingPeriod
	MinSelfStake    *big.Int      // default 1 CAST
	MaxActive       int           // size limit of the active set; default DefaultMaxActive
	EmissionPPB     uint32        // of the supply per round, in parts per 10^9; default 0
	Supply          []Allocation  // the initial distribution of CAST

	Log *slog.Logger // default: discards
}

// validate fills in the defaults.
func (cfg *DeployConfig) validate() error {
	if cfg.File == "" {
		return errors.New("chain: deploy: name the addresses file")
	}
	orDefault(&cfg.RoundLength, DefaultRoundLength)
	orDefault(&cfg.TicketValidity, DefaultTicketValidity)
	orDefault(&cfg.UnlockPeriod, cfg.RoundLength+cfg.TicketValidity+DefaultUnlockMargin)
	orDefault(&cfg.UnbondingPeriod, DefaultUnbondingPeriod)
	orDefault(&cfg.MaxActive, DefaultMaxActive)
	if cfg.MinSelfStake == nil {
		cfg.MinSelfStake = big.NewInt(params.Ether)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for name, d := range map[string]time.Duration{
		"RoundLength": cfg.RoundLength, "TicketValidity": cfg.TicketValidity,
		"UnlockPeriod": cfg.UnlockPeriod, "UnbondingPeriod": cfg.UnbondingPeriod,
	} {
		if d < time.Second || d%time.Second != 0 {
			return fmt.Errorf("chain: deploy: %s %v: whole seconds are needed", name, d)
		}
	}
	if lifetime := cfg.RoundLength + cfg.TicketValidity; cfg.UnlockPeriod <= lifetime {
		return fmt.Errorf("chain: deploy: UnlockPeriod %v must exceed RoundLength + TicketValidity, %v", cfg.UnlockPeriod, lifetime)
	}
	if cfg.MaxActive < 1 || cfg.MaxActive > math.MaxUint16 {
		return fmt.Errorf("chain: deploy: MaxActive %d must be within 1 and %d", cfg.MaxActive, math.MaxUint16)
	}
	if cfg.MinSelfStake.Sign() <= 0 {
		return errors.New("chain: deploy: MinSelfStake must be positive")
	}
	return nil
}

func orDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Deploy brings the contracts on the chain and names them in cfg.File. If the file exists, nothing is sent: the chain id and the
// code at each address are verified instead, and a mismatch is a *DeploymentError.
func Deploy(ctx context.Context, cfg DeployConfig) (Addresses, error) {
	if err := cfg.validate(); err != nil {
		return Addresses{}, err
	}
	known, err := ReadAddresses(cfg.File)
	if err == nil {
		return known, verifyDeployment(ctx, cfg, known)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Addresses{}, err
	}
	if cfg.Signer == nil {
		return Addresses{}, fmt.Errorf("chain: deploy: %w", ErrNoSigner)
	}
	client, err := connectForDeployment(ctx, cfg)
	if err != nil {
		return Addresses{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- client.Run(ctx) }()
	addresses, err := client.deployAll(ctx, cfg)
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return Addresses{}, err
	}
	if err := addresses.write(cfg.File); err != nil {
		return Addresses{}, fmt.Errorf("chain: deploy: %w", err)
	}
	cfg.Log.Info("contracts are deployed", "chain_id", addresses.ChainID, "broker", addresses.Broker, "file", cfg.File)
	return addresses, nil
}

// verifyDeployment checks that the node has what the addresses file names.
func verifyDeployment(ctx context.Context, cfg DeployConfig, known Addresses) error {
	client, err := Dial(ctx, Config{URL: cfg.URL, Addresses: known, Log: cfg.Log})
	if err != nil {
		return fmt.Errorf("%w (named in %s)", err, cfg.File)
	}
	client.Close()
	return nil
}

// connectForDeployment makes a client that has a chain but no contracts yet.
func connectForDeployment(ctx context.Context, cfg DeployConfig) (*Client, error) {
	reader, err := connect(ctx, Config{URL: cfg.URL, Log: cfg.Log})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	id, err := reader.eth.ChainID(ctx)
	if err != nil {
		return nil, fmt.Errorf("chain: deploy: %s does not answer: %w", cfg.URL, err)
	}
	return connect(ctx, Config{URL: cfg.URL, Addresses: Addresses{ChainID: id.Uint64()}, Signer: cfg.Signer, Log: cfg.Log})
}

// deployAll creates the contracts one after the other. They know each other by the addresses that the account's next nonces
// will give them.
func (c *Client) deployAll(ctx context.Context, cfg DeployConfig) (Addresses, error) {
	nonce, err := c.eth.PendingNonceAt(ctx, c.Self())
	if err != nil {
		return Addresses{}, fmt.Errorf("chain: deploy: nonce of %v: %w", c.Self(), err)
	}
	at := func(i uint64) common.Address { return crypto.CreateAddress(c.Self(), nonce+i) }
	a := Addresses{ChainID: c.ChainID(), Token: at(0), Rounds: at(1), Staking: at(2), Broker: at(3)}

	supply := make([]bindings.CastTokenAllocation, len(cfg.Supply))
	for i, s := range cfg.Supply {
		supply[i] = bindings.CastTokenAllocation{Account: s.Account, Amount: orZero(s.Amount)}
	}
	for _, contract := range []struct {
		name        string
		address     common.Address
		code        string
		constructor []byte
	}{
		{"CastToken", a.Token, bindings.CastTokenMetaData.Bin, c.token.PackConstructor(a.Rounds, supply)},
		{"Rounds", a.Rounds, bindings.RoundsMetaData.Bin, c.rounds.PackConstructor(
			a.Token, a.Staking, wholeSeconds(cfg.RoundLength), cfg.EmissionPPB)},
		{"Staking", a.Staking, bindings.StakingMetaData.Bin, c.staking.abi.PackConstructor(
			a.Token, a.Rounds, bindings.StakingParameters{
				MinSelfStake: cfg.MinSelfStake, UnbondingPeriod: wholeSeconds(cfg.UnbondingPeriod), MaxActive: uint16(cfg.MaxActive),
			})},
		{"TicketBroker", a.Broker, bindings.TicketBrokerMetaData.Bin, c.broker.abi.PackConstructor(
			a.Staking, a.Rounds, wholeSeconds(cfg.TicketValidity), wholeSeconds(cfg.UnlockPeriod))},
	} {
		mined, err := c.transact(ctx, call{data: append(common.FromHex(contract.code), contract.constructor...)})
		if err != nil {
			return Addresses{}, fmt.Errorf("deploy %s: %w", contract.name, err)
		}
		if mined.ContractAddress != contract.address {
			return Addresses{}, fmt.Errorf("chain: deploy %s: it is at %v, not at %v: the account %v was used meanwhile, try again",
				contract.name, mined.ContractAddress, contract.address, c.Self())
		}
		if a.Block == 0 {
			a.Block = mined.BlockNumber.Uint64()
		}
	}
	return a, nil
}

func wholeSeconds(d time.Duration) uint64 { return uint64(d / time.Second) }
