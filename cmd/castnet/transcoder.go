package main

import "castnet/internal/node/transcoding"

type transcoderCmd struct {
	Run   transcoding.Config `cmd:"" default:"withargs" help:"Work for one orchestrator or several (the default)."`
	Drain transcoding.Drain  `cmd:"" help:"Let the transcoder of a folder finish its segments, and leave."`
}
