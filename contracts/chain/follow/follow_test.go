package follow_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"

	"castnet/contracts/chain/follow"
	"castnet/test/ethnode"
)

// logger is a contract that logs what it is called with.
var logger = common.HexToAddress("0x10660000000000000000000000000000000010ff")

// scene is a follower of a real node, through a proxy.
type scene struct {
	*ethnode.Anvil
	proxy *ethnode.Proxy
	store *memory
	from  string
	said  int
}

func newScene(t *testing.T, change ...func(*follow.Config)) *scene {
	t.Helper()
	s := &scene{Anvil: ethnode.Start(t, "--no-mining"), store: newMemory()}
	s.proxy = ethnode.Intercept(t, s.URL)
	// CALLDATASIZE 0 0 CALLDATACOPY CALLDATASIZE 0 LOG0
	s.Call(t, nil, "anvil_setCode", logger, "0x366000600037366000a0")
	var accounts []string
	s.Call(t, &accounts, "eth_accounts")
	s.from = accounts[0]
	s.follow(t, change...)
	return s
}

// follow starts a follower over what the store has.
func (s *scene) follow(t *testing.T, change ...func(*follow.Config)) {
	t.Helper()
	client, err := dialProxy(t, s.proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg := follow.Config{
		Node: client, Store: s.store, Addresses: []common.Address{logger}, From: 1,
		Depth: 16, Range: 5, Poll: 5 * time.Millisecond, Behind: 50 * time.Millisecond, Patience: 2 * time.Second, Backoff: 20 * time.Millisecond,
	}
	for _, f := range change {
		f(&cfg)
	}
	f, err := follow.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	runUntilCleanup(t, f.Run)
}

// say makes a block with a log.
func (s *scene) say(t *testing.T) {
	t.Helper()
	s.said++
	s.Call(t, nil, "eth_sendTransaction", map[string]any{
		"from": s.from, "to": logger, "data": hexutil.Bytes(fmt.Sprintf("word %d", s.said)), "gas": hexutil.Uint64(100_000),
	})
	s.Mine(t, 1)
}

// wantInStep waits until the store has exactly the node's logs up to the node's head.
func (s *scene) wantInStep(t *testing.T) {
	t.Helper()
	var head struct {
		Number hexutil.Uint64 `json:"number"`
		Hash   common.Hash    `json:"hash"`
	}
	s.Call(t, &head, "eth_getBlockByNumber", "latest", false)
	var logs []types.Log
	s.Call(t, &logs, "eth_getLogs", map[string]any{"fromBlock": "0x1", "toBlock": "latest", "address": logger})
	words := make([]string, len(logs))
	for i, l := range logs {
		words[i] = string(l.Data)
	}
	s.store.waitFor(t, head.Hash)
	if got := s.store.words(); !slices.Equal(got, words) {
		t.Fatalf("block %d: the store has %v, the node %v", head.Number, got, words)
	}
}

func TestFollowFromAfarAndNear(t *testing.T) {
	s := newScene(t)
	for range 3 {
		s.say(t)
		s.Mine(t, 20)
	}
	s.wantInStep(t)
	s.say(t)
	s.wantInStep(t)
	s.follow(t) // another one, over the same store
	s.say(t)
	s.wantInStep(t)
}

func TestReorganisations(t *testing.T) {
	s := newScene(t)
	for depth := 1; depth <= 6; depth++ {
		for range depth + 1 {
			s.say(t)
		}
		s.wantInStep(t)
		s.Reorg(t, depth)
		s.wantInStep(t)
		if len(s.store.words()) != (depth*(depth+1)/2+depth)-depth*(depth+1)/2 {
			t.Fatalf("after depth %d: %v", depth, s.store.words())
		}
	}
	if s.store.undone() != 6 {
		t.Errorf("%d times undone", s.store.undone())
	}
}

func TestReorganisationDeeperThanTheHeadersKept(t *testing.T) {
	s := newScene(t)
	s.say(t)
	s.Mine(t, 3)
	for range 60 {
		s.say(t)
	}
	s.wantInStep(t)
	s.Reorg(t, 62)
	s.wantInStep(t)
}

// A node that is restored from an older state has a shorter chain, and goes another way from there.
func TestShorterChain(t *testing.T) {
	s := newScene(t)
	s.say(t)
	s.wantInStep(t)
	var snapshot hexutil.Big
	s.Call(t, &snapshot, "evm_snapshot")
	for range 5 {
		s.say(t)
	}
	s.wantInStep(t)
	s.Call(t, nil, "evm_revert", &snapshot)
	s.wantInStep(t)
	s.say(t)
	s.say(t)
	s.wantInStep(t)
}

// A node that lags takes nothing back.
func TestNodeBehind(t *testing.T) {
	s := newScene(t, func(cfg *follow.Config) { cfg.Behind = time.Hour })
	for range 5 {
		s.say(t)
	}
	s.wantInStep(t)
	var old json.RawMessage
	s.Call(t, &old, "eth_getBlockByNumber", "0x3", false)
	s.proxy.Set(ethnode.Edit("eth_getBlockByNumber", func(params []json.RawMessage, block *json.RawMessage) bool {
		if string(params[0]) != `"latest"` {
			return false
		}
		*block = old
		return true
	}))
	s.proxy.Wait(t, 20)
	if s.store.undone() != 0 {
		t.Error("a node that lags had blocks taken back")
	}
	s.proxy.Set(nil)
	s.say(t)
	s.wantInStep(t)
}

func TestFaultyNode(t *testing.T) {
	type block = map[string]any
	latest := func(params []json.RawMessage) bool { return string(params[0]) == `"latest"` }
	for name, fault := range map[string]ethnode.Fault{
		"answers 429":           ethnode.TooMany,
		"drops connections":     ethnode.Drop,
		"answers with garbage":  ethnode.Garbage,
		"answers logs twice":    ethnode.Edit("eth_getLogs", func(_ []json.RawMessage, l *[]any) bool { *l = append(*l, *l...); return len(*l) > 0 }),
		"has nothing":           ethnode.Edit("eth_getBlockByNumber", func(p []json.RawMessage, b *block) bool { *b = nil; return !latest(p) }),
		"has a head far ahead":  ethnode.Edit("eth_getBlockByNumber", lie(latest, "0xfffff")),
		"has a head just ahead": ethnode.Edit("eth_getBlockByNumber", lie(latest, "")),
		"has another head":      ethnode.Edit("eth_getBlockByNumber", lie(latest, "0x2")),
		"mixes blocks up": ethnode.Edit("eth_getBlockByNumber", func(p []json.RawMessage, b *block) bool {
			(*b)["parentHash"] = common.Hash{1}
			return !latest(p)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			for range 3 {
				s.say(t)
			}
			s.wantInStep(t)
			s.proxy.Set(fault)
			s.say(t)
			s.proxy.Wait(t, 5)
			s.proxy.Set(nil)
			s.wantInStep(t)
			if s.store.undone() != 0 {
				t.Errorf("%d times undone: nothing was wrong with the chain", s.store.undone())
			}
		})
	}
}

// lie gives the latest block another hash, and a number unless it is empty: then it is one more.
func lie(latest func([]json.RawMessage) bool, number string) func([]json.RawMessage, *map[string]any) bool {
	return func(params []json.RawMessage, block *map[string]any) bool {
		if !latest(params) {
			return false
		}
		to := number
		if to == "" {
			to = hexutil.EncodeUint64(hexutil.MustDecodeUint64((*block)["number"].(string)) + 1)
		}
		(*block)["number"], (*block)["hash"] = to, common.Hash{0xbd}
		return true
	}
}

func TestNodeThatStalls(t *testing.T) {
	s := newScene(t, func(cfg *follow.Config) { cfg.Patience = 50 * time.Millisecond })
	s.say(t)
	s.wantInStep(t)
	s.proxy.Set(ethnode.Stall)
	s.say(t)
	s.proxy.Wait(t, 3)
	s.proxy.Set(nil)
	s.wantInStep(t)
}

// What the store refuses is tried again, from what the store has.
func TestStoreThatFails(t *testing.T) {
	s := newScene(t)
	s.say(t)
	s.wantInStep(t)
	s.store.fail(3)
	s.say(t)
	s.wantInStep(t)
}
