package estimation

import (
	"fmt"

	"github.com/plenum-gateway/plenum/pkg/wire"
)

// The error codes of this kind, beside those of package wire.
const (
	CodeStaleRound         wire.Code = "stale_round"         // the round is not the current one
	CodeNotInDeck          wire.Code = "not_in_deck"         // the deck has no such card
	CodeSpectator          wire.Code = "spectator"           // spectators have no vote
	CodeRevealed           wire.Code = "already_revealed"    // too late
	CodeNotRevealed        wire.Code = "not_revealed"        // too early
	CodeNoVotes            wire.Code = "no_votes"            // nothing to reveal
	CodeMissingVotes       wire.Code = "missing_votes"       // a voter who is here has not voted: force
	CodeHasVotes           wire.Code = "has_votes"           // cards are on the table: confirm
	CodeNoCountdown        wire.Code = "no_countdown"        // none runs
	CodeNoTimer            wire.Code = "no_timer"            // none runs
	CodeOptionOff          wire.Code = "option_off"          // the session's options do not allow it
	CodeClosed             wire.Code = "closed"              // the session is closed
	CodeNotClosed          wire.Code = "not_closed"          // it is not
	CodeTooMany            wire.Code = "too_many"            // past a bound
	CodeBadCSV             wire.Code = "bad_csv"             // the message names the line
	CodeBadDeck            wire.Code = "bad_deck"            // the message says what is wrong
	CodeUnknownStory       wire.Code = "unknown_story"       // there is none with that id
	CodeUnknownRound       wire.Code = "unknown_round"       // there is none with that number
	CodeLastFacilitator    wire.Code = "last_facilitator"    // somebody has to stay
	CodeFacilitatorPresent wire.Code = "facilitator_present" // nothing to claim
	CodeLocked             wire.Code = "locked"              // a join; closes with 4502
	CodeBanned             wire.Code = "banned"              // a join; closes with 4502
	CodePasscodeRequired   wire.Code = "passcode_required"   // a join; closes with 4502
	CodePasscodeWrong      wire.Code = "passcode_wrong"      // a join; closes with 4502
	CodeBadRole            wire.Code = "bad_role"            // a join; closes with 4508
)

func refuse(code wire.Code, format string, args ...any) error {
	return &wire.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

func badData(format string, args ...any) error { return refuse(wire.CodeBadData, format, args...) }

func forbidden(format string, args ...any) error { return refuse(wire.CodeForbidden, format, args...) }

// says is the sentence of a refusal, to be part of another one.
func says(err error) string {
	if e, ok := err.(*wire.Error); ok {
		return e.Message
	}
	return err.Error()
}
