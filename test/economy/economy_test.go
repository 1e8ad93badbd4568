// Package economy_test plays the network's whole economy on the development chain, at random, beside a double-entry model of it in
// Go, and holds the one to the other to the wei.
package economy_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/internal/eip712"
)

const (
	rounds  = 30
	actions = 40 // a round

	roundLength = 10 * time.Minute
	unbonding   = 5 * roundLength
	validity    = 2 * roundLength // of tickets: periods of three rounds
	maxActive   = 4               // for five orchestrators
)

// seedOf is CASTNET_SEED, or another one each time.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv("CASTNET_SEED")
	if text == "" {
		return rand.Uint64()
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("CASTNET_SEED: %v", err)
	}
	return seed
}

// world is the economy on the chain, its model, and who lives in it.
type world struct {
	net    *network
	model  *model
	random *rand.Rand
	domain eip712.Domain

	owners, delegators, broadcasters []*actor
	relayer, challenger, treasury    *actor
	stakers, everybody               []*actor // owners and delegators; all

	done    []step // since the balances were compared last
	counted map[string]int
	tickets []signedTicket
	allots  []promise
	proofs  []proof
	hotKeys uint64
	numbers uint64 // of salts and leases
}

// step is an action that has been taken.
type step struct {
	what  string
	block *big.Int
	after *model
}

func actors(name string, count int) []*actor {
	var list []*actor
	for i := range count {
		list = append(list, newActor(fmt.Sprintf("%s %d", name, i+1)))
	}
	return list
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	w := &world{
		random: rand.New(rand.NewPCG(seed, 0)),
		owners: actors("orchestrator", 5), delegators: actors("delegator", 20), broadcasters: actors("broadcaster", 3),
		relayer: newActor("relayer"), challenger: newActor("challenger"), treasury: newActor("treasury"), counted: map[string]int{},
	}
	w.stakers = append(append(w.stakers, w.owners...), w.delegators...)
	w.everybody = append(append(append(w.everybody, w.stakers...), w.broadcasters...), w.relayer, w.challenger, w.treasury)
	opener := newActor("deployer")
	cfg := deploy.Config{
		Signer: deployer{opener}, RoundLength: roundLength, TicketValidity: validity, UnbondingPeriod: unbonding,
		MinSelfStake: new(ether(10)).ToBig(), MaxActive: maxActive, MaxSlashPpm: 300_000,
		EmissionPPB: 400_000, EmissionStepPPB: 30_000, MaxEmissionPPB: 1_000_000, TargetBondingPpm: 350_000, TreasuryCutPpm: 123_457,
		Treasury: w.treasury.Address, SlashPpm: 150_000, JailRounds: 3,
		Disputes: &chain.DisputeTerms{
			Bond: big.NewInt(1e17), RevealDelay: 30 * time.Second, RevealWindow: 15 * time.Minute, EvidencePeriod: 20 * time.Minute,
			ChallengerPpm: 250_000, BroadcasterPpm: 200_000, PeriodPpm: 200_000, Treasury: w.treasury.Address,
		},
	}
	supply := new(big.Int)
	for _, a := range w.stakers {
		amount := new(ether(500 + w.random.Uint64N(1000))).ToBig()
		cfg.Supply = append(cfg.Supply, deploy.Allocation{Account: a.Address, Amount: amount})
		supply.Add(supply, amount)
	}
	// So little above the supply that some runs end emission by the cap.
	cfg.Cap = new(big.Int).Add(supply, new(big.Int).Div(supply, big.NewInt(50)))
	w.net = newNetwork(t, devchainConfig(append(w.everybody, opener)), cfg)
	w.domain = eip712.NewDomain(w.net.at.ChainID, w.net.at.Broker)
	w.model = w.open(t, cfg)
	return w
}

// open opens the books: the distribution as it was configured, and everybody's ether as it is.
func (w *world) open(t *testing.T, cfg deploy.Config) *model {
	t.Helper()
	const periodRounds = uint64(validity/roundLength) + 1
	m := newModel(terms{
		roundLength: uint64(roundLength / time.Second), change: uint64(cfg.EmissionStepPPB), maxInflation: uint64(cfg.MaxEmissionPPB),
		targetBonding: uint64(cfg.TargetBondingPpm), treasuryCut: uint64(cfg.TreasuryCutPpm), minSelfStake: ether(10),
		unbonding: uint64(unbonding / time.Second), maxActive: maxActive, maxSlash: uint64(cfg.MaxSlashPpm),
		validity: uint64(validity / time.Second), periodRounds: periodRounds, unlock: 2 * periodRounds * uint64(roundLength/time.Second),
		revealDelay: uint64(cfg.Disputes.RevealDelay / time.Second), revealWindow: uint64(cfg.Disputes.RevealWindow / time.Second),
		evidencePeriod: uint64(cfg.Disputes.EvidencePeriod / time.Second),
		challengerPart: uint64(cfg.Disputes.ChallengerPpm), broadcasterPart: uint64(cfg.Disputes.BroadcasterPpm),
		periodPart: uint64(cfg.Disputes.PeriodPpm), slashPart: uint64(cfg.SlashPpm), jailRounds: cfg.JailRounds, treasury: w.treasury.Address,
	})
	m.cap.SetFromBig(cfg.Cap)
	m.bond.SetFromBig(cfg.Disputes.Bond)
	m.inflation = uint64(cfg.EmissionPPB)
	m.genesis = w.genesis(t)
	for _, s := range cfg.Supply {
		var amount num
		amount.SetFromBig(s.Amount)
		m.cast.post(minted, wallet(s.Account), amount)
	}
	for _, o := range w.owners {
		m.pools[o.Address] = &pool{}
	}
	for _, b := range w.broadcasters {
		m.senders[b.Address] = newSender()
	}
	head, err := w.net.eth.HeaderByNumber(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m.now = head.Time
	coinbase := &actor{}
	for _, a := range append(w.everybody, coinbase) {
		held, err := w.net.eth.BalanceAt(t.Context(), a.Address, head.Number)
		if err != nil {
			t.Fatal(err)
		}
		var amount num
		amount.SetFromBig(held)
		m.wei.post(opening, wallet(a.Address), amount)
	}
	return m
}

// do takes an action on the chain and in the model, and fails where one refuses what the other takes.
func (w *world) do(t *testing.T, what string, from *actor, c call, inModel func(m *model) error) bool {
	t.Helper()
	sent := w.net.send(t, from, c.to, c.value, c.data)
	next := w.model.clone()
	next.now = sent.block.Time
	refused := ""
	if err := inModel(next); err != nil {
		refused = err.Error()
		next = w.model.clone()
		next.now = sent.block.Time
	}
	next.wei.post(wallet(from.Address), baseFee, sub(sent.gas, sent.tip))
	next.wei.post(wallet(from.Address), wallet(common.Address{}), sent.tip)
	w.model = next
	w.done = append(w.done, step{fmt.Sprintf("%s by %s, round %d", what, from.name, next.round()), sent.block.Number, next})
	if refused != sent.refused {
		w.blame(t)
		t.Fatalf("%s by %s, block %v, round %d: the chain refuses it with %q, the model with %q",
			what, from.name, sent.block.Number, next.round(), sent.refused, refused)
	}
	w.counted[what]++
	if refused != "" {
		w.counted["refused: "+refused]++
	}
	return refused == ""
}

// call is what a transaction says.
type call struct {
	to    common.Address
	value num
	data  []byte
}

// compare holds all balances to the model's, and names the action after which they differ.
func (w *world) compare(t *testing.T, head *big.Int) {
	t.Helper()
	for currency, b := range map[string]books{"CAST": w.model.cast, "ether": w.model.wei} {
		if err := b.audit(); err != nil {
			t.Fatalf("the model's %s: %v", currency, err)
		}
	}
	if wrong, got, ok := w.net.ask(t, head, w.questions(w.model)); !ok {
		w.blame(t)
		t.Fatalf("%s: the chain says %v, the model %v; nothing did it but time", wrong.what, text(got), text(wrong.want))
	}
	w.done = w.done[:0]
}

// blame goes through the actions since the last comparison, whose states the chain still has, for the first that differs.
func (w *world) blame(t *testing.T) {
	t.Helper()
	for _, s := range w.done {
		if wrong, got, ok := w.net.ask(t, s.block, w.questions(s.after)); !ok {
			t.Fatalf("after %s, block %v: %s: the chain says %v, the model %v", s.what, s.block, wrong.what, text(got), text(wrong.want))
		}
	}
}

func text(words []num) (list []string) {
	for _, v := range words {
		list = append(list, v.Dec())
	}
	return list
}

// Thirty rounds of random actions, a share of them senseless: at the end, and after each round, every balance is the model's.
func TestEconomy(t *testing.T) {
	seed := seedOf(t)
	t.Logf("CASTNET_SEED=%d", seed)
	w := newWorld(t, seed)
	w.net.advance(t, w.model.genesis+w.model.roundLength/4) // however long the deployment took, all of it again is the same
	w.settleIn(t)
	for range rounds {
		for range actions {
			w.act(t)
		}
		late := w.random.Uint64N(w.model.roundLength / 3)
		head := w.net.advance(t, w.model.genesis+(w.model.round()+1)*w.model.roundLength+late)
		w.model = w.model.clone()
		w.model.now = head.Time
		w.compare(t, head.Number)
	}
	w.report(t)
}
