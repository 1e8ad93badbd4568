package main

import "castnet/internal/node/transcoding"

type transcoderCmd struct {
	Run    transcoding.Config `cmd:"" default:"withargs" help:"Work for one orchestrator or several (the default)."`
	Status transcoding.Status `cmd:"" help:"Show the devices that work in a folder: self-tests, sessions, what is free, what is drained and why."`
	Drain  transcoding.Drain  `cmd:"" help:"Let the transcoder of a folder finish its segments, and leave."`
}
