package main

import "castnet/internal/node"

type transcoderCmd struct {
	Run   node.TranscoderConfig `cmd:"" default:"withargs" help:"Work for one orchestrator or several (the default)."`
	Drain node.DrainConfig      `cmd:"" help:"Let the transcoder of a folder finish its segments, and leave."`
}
