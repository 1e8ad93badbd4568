package money_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"castnet/contracts/chain"
)

// A deployment is shown, killed after its fourth transaction, continued, and from then on only checked.
func TestDeploy(t *testing.T) {
	s := newScene(t)
	supply := filepath.Join(s.home, "supply")
	if err := os.WriteFile(supply, []byte(s.account.Hex()+" 1000 CAST # all of it\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	deploy := []string{
		"chain", "deploy", "--supply", supply, "--cap", "5000 CAST", "--inflation", "4%", "--max-inflation", "8%", "--inflation-step", "0.1%",
		"--target-bonding", "60%", "--treasury-cut", "10%", "--treasury", "0x00000000000000000000000000000000000000aa",
		"--slash", "7%", "--jail-rounds", "3", "--challenger-share", "20%", "--broadcaster-share", "30%", "--dispute-bond", "0.5 ETH",
		"--evidence-period", "40h", "--reveal-delay", "2m", "--reveal-window", "20h",
		"--timelock-delay", "72h", "--proposer", "0x00000000000000000000000000000000000000bb",
	}
	dry := s.ok(t, append(deploy, "--dry-run")...)
	for _, shown := range []string{
		"1000 CAST", "5000 CAST", "4% a year", "8% at most", "0.1% a round", "60% staked", "10% of new CAST", "costs 7%", "3 rounds", "0.5 ETH", "30% to the broadcaster",
		"3 days", "0x00000000000000000000000000000000000000AA", "0x00000000000000000000000000000000000000bb",
	} {
		if text := strings.Join(strings.Fields(dry.err), " "); !strings.Contains(text, shown) {
			t.Errorf("the plan does not show %q", shown)
		}
	}
	if nonce := s.nonce(t); nonce != 0 {
		t.Fatalf("a dry run sent %d transactions", nonce)
	}
	s.refused(t, "half of what is slashed", append(deploy, "--challenger-share", "21%")...)
	s.refused(t, "--slash must be more than 0%", append(deploy, "--slash", "0%")...)
	s.refused(t, "within the supply", append(deploy, "--cap", "999 CAST")...)

	s.killed(t, 4, deploy...)
	if text := s.ok(t, append(deploy, "--dry-run")...).err; !strings.Contains(text, "goes on with it") {
		t.Error("the plan does not say that a deployment was begun")
	}
	s.refused(t, "finish that one", append(deploy, "--max-active", "7")...)
	s.ok(t, deploy...)
	made := s.nonce(t)
	first, err := chain.ReadAddresses(s.contracts)
	if err != nil {
		t.Fatal(err)
	}
	client, err := chain.Dial(t.Context(), chain.Config{URL: s.dev.URL(), Addresses: first})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	terms, err := client.Disputes().Terms(t.Context())
	if err != nil || terms.ChallengerPpm != 200_000 || terms.EvidencePeriod.Hours() != 40 {
		t.Errorf("terms of disputes: %+v, %v", terms, err)
	}

	s.ok(t, deploy...)
	if again := s.nonce(t); again != made {
		t.Errorf("the second time sent %d transactions", again-made)
	}
	s.rewrite(t, first.Code.Staking.Hex(), "0x"+strings.Repeat("11", 32))
	s.refused(t, "--accept-upgrades", deploy...)
	s.refused(t, "--accept-upgrades", append(deploy, "--accept-upgrades", "--dry-run")...)
	s.ok(t, append(deploy, "--accept-upgrades")...)
	if read, err := chain.ReadAddresses(s.contracts); err != nil || read != first {
		t.Errorf("after accepting: %+v, %v", read, err)
	}
	s.rewrite(t, first.Code.Broker.Hex(), "0x"+strings.Repeat("11", 32))
	s.refused(t, "code of TicketBroker", append(deploy, "--accept-upgrades")...)
}

// rewrite changes the addresses file.
func (s *scene) rewrite(t *testing.T, what, with string) {
	t.Helper()
	raw, err := os.ReadFile(s.contracts)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.contracts, []byte(strings.ReplaceAll(string(raw), what, with)), 0o600); err != nil {
		t.Fatal(err)
	}
}
