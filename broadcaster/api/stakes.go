package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/ethereum/go-ethereum/common"
)

// Stakes knows who has staked what, and what came of it. Its answers may take a look at the chain.
type Stakes interface {
	// Staking returns the terms of all stake.
	Staking(ctx context.Context) (StakingView, error)
	// Orchestrator returns one orchestrator's record; false where nobody is registered under id.
	Orchestrator(ctx context.Context, id common.Address) (OrchestratorDetailView, bool, error)
	// Staker returns what an account has staked, which may be nothing.
	Staker(ctx context.Context, account common.Address) (StakerView, error)
}

// noStakes stands in where a broadcaster takes its orchestrators from elsewhere than a chain.
type noStakes struct{}

var errNoStakes = errors.New("this broadcaster follows no chain")

func (noStakes) Staking(context.Context) (StakingView, error) { return StakingView{}, errNoStakes }

func (noStakes) Orchestrator(context.Context, common.Address) (OrchestratorDetailView, bool, error) {
	return OrchestratorDetailView{}, false, errNoStakes
}

func (noStakes) Staker(context.Context, common.Address) (StakerView, error) {
	return StakerView{}, errNoStakes
}

func (s *Server) staking(w http.ResponseWriter, r *http.Request) {
	v, err := s.cfg.Stakes.Staking(r.Context())
	if err != nil {
		s.noChain(w, err)
		return
	}
	s.reply(w, v)
}

func (s *Server) orchestrator(w http.ResponseWriter, r *http.Request) {
	id, ok := s.address(w, r.PathValue("id"))
	if !ok {
		return
	}
	v, found, err := s.cfg.Stakes.Orchestrator(r.Context(), id)
	switch {
	case err != nil:
		s.noChain(w, err)
		return
	case !found:
		s.fail(w, http.StatusNotFound, fmt.Sprintf("no orchestrator is registered under %v", id), "GET /api/v1/network lists those that are")
		return
	}
	v.Cuts = append([]CutChangeView{}, v.Cuts...)
	v.Rounds = append([]RoundView{}, v.Rounds...)
	v.Slashes = append([]SlashView{}, v.Slashes...)
	s.reply(w, v)
}

func (s *Server) staker(w http.ResponseWriter, r *http.Request) {
	account, ok := s.address(w, r.PathValue("address"))
	if !ok {
		return
	}
	v, err := s.cfg.Stakes.Staker(r.Context(), account)
	if err != nil {
		s.noChain(w, err)
		return
	}
	v.Positions = append([]PositionView{}, v.Positions...)
	v.Unbondings = append([]UnbondingView{}, v.Unbondings...)
	s.reply(w, v)
}

// address reads an address out of a path, or says what is wrong with it.
func (s *Server) address(w http.ResponseWriter, text string) (common.Address, bool) {
	if !common.IsHexAddress(text) {
		s.fail(w, http.StatusBadRequest, fmt.Sprintf("%.80q is no address", text), "give 0x and 40 hexadecimal digits")
		return common.Address{}, false
	}
	return common.HexToAddress(text), true
}

// noChain answers what cannot be known now.
func (s *Server) noChain(w http.ResponseWriter, err error) {
	if errors.Is(err, errNoStakes) {
		s.fail(w, http.StatusNotFound, "this broadcaster follows no chain, so there is no stake to show",
			"open the pages of a broadcaster that was started with --chain")
		return
	}
	s.cfg.Logger.Warn("a page asked for stakes that cannot be read", "error", err)
	s.fail(w, http.StatusServiceUnavailable, fmt.Sprintf("the chain does not answer this broadcaster: %.300v", err),
		"nothing is lost: stake is on the chain, not here; try again in a minute")
}
