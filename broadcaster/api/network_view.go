package api

import "time"

// NetworkView is who does the work and what it costs: GET /api/v1/network, and each "network" event.
type NetworkView struct {
	// Orchestrators are all that are registered, those with the most verified work first.
	Orchestrators []OrchestratorView `json:"orchestrators"`
	Broadcaster   AccountView        `json:"broadcaster"`
	// Round is the number of the current round, RoundEndsAt its end by the chain's clock.
	Round       uint64    `json:"round"`
	RoundEndsAt time.Time `json:"roundEndsAt"`
	Chain       ChainView `json:"chain"`
}

// OrchestratorView is one registered orchestrator, as the chain and this broadcaster know it.
type OrchestratorView struct {
	ID       string  `json:"id"`   // the owner's address
	Name     string  `json:"name"` // empty where it has none
	URI      string  `json:"uri"`
	StakeWei Wei     `json:"stakeWei"` // wei of CAST, delegations included
	Share    float64 `json:"share"`    // its part of all stake, 0 to 1: its chance to be drawn first
	// SelfStakeWei is the owner's own part of StakeWei: it is slashed first.
	SelfStakeWei Wei      `json:"selfStakeWei"`
	Cuts         CutsView `json:"cuts"`
	// Announced are cuts that hold from a later time on; null where none are.
	Announced *CutChangeView `json:"announced"`
	Yield     YieldView      `json:"yield"`
	// Active says that it is in the round's active set.
	Active bool `json:"active"`
	// Streams counts those that it serves for this broadcaster now.
	Streams int `json:"streams"`
	// VerifiedSegments and Failures count what this broadcaster has checked.
	VerifiedSegments int64 `json:"verifiedSegments"`
	Failures         int64 `json:"failures"`
	// Success is the recent part of segments that passed, 0 to 1; negative where nothing is known.
	Success float64 `json:"success"`
	// PriceWeiPerMpx is the last quoted price of 10^6 output pixels of H264.
	PriceWeiPerMpx Wei `json:"priceWeiPerMpx"`
	// RedeemedWei is what its tickets have brought into Staking, for it and its delegators.
	RedeemedWei Wei    `json:"redeemedWei"`
	Health      Health `json:"health"`
	// Note says in words what stands behind Health: "failed twice in a row, left alone for another 12 s".
	Note string `json:"note"`
}

// AccountView is the broadcaster's money on the chain.
type AccountView struct {
	Address    string `json:"address"`
	DepositWei Wei    `json:"depositWei"`
	ReserveWei Wei    `json:"reserveWei"`
	// ShareWei is the part of the reserve that stands behind tickets for each orchestrator this round.
	ShareWei Wei           `json:"shareWei"`
	Warnings []WarningView `json:"warnings"`
}

// ChainView is what the broadcaster has last seen of the chain.
type ChainView struct {
	ID   uint64    `json:"id"`
	Head uint64    `json:"head"`
	Time time.Time `json:"time"` // of the head block
	// Problem says why the chain is out of reach; empty while it answers.
	Problem string `json:"problem,omitempty"`
	// Coin names the unit of fees and deposits for people: "ETH".
	Coin string `json:"coin"`
}

// StatusView says what this broadcaster is, how to publish to it and how to play from it: GET /api/v1/status.
type StatusView struct {
	Version   string    `json:"version"`
	StartedAt time.Time `json:"startedAt"`
	Ways      []WayView `json:"ingest"`
	Playback  []WayView `json:"playback"`
	// DemoKey is a stream key that anybody may use, as that of a network on one machine; empty where keys are secret.
	DemoKey string `json:"demoKey"`
}

// WayView is one way in or out. URL is a template: {host} and {origin} are those that the page was opened at, {key} is
// the stream key, {id} the stream's public id.
type WayView struct {
	Protocol string `json:"protocol"` // "RTMP"
	URL      string `json:"url"`      // "rtmp://{host}:1935/live/{key}"
	// Note is what else must be known: "with the passphrase".
	Note string `json:"note,omitempty"`
}
