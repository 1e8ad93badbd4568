// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {BrokerFixture} from "./BrokerFixture.sol";

contract TicketBrokerTest is BrokerFixture {
    function test_ticketTypeIsTheDocumentedOne() public view {
        eq(
            broker.TICKET_TYPEHASH(),
            keccak256(
                "Ticket(bytes32 receiptHash,address sender,address recipient,uint256 fee,uint256 faceValue,bytes32 randHash,uint64 lane,uint64 nonce,uint64 round,uint64 expiry)"
            )
        );
        eq(
            broker.domainSeparator(),
            keccak256(
                abi.encode(
                    keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                    keccak256("Castnet"),
                    keccak256("1"),
                    block.chainid,
                    address(broker)
                )
            )
        );
    }

    function test_redeemCreditsTheRecipientOutOfTheDeposit() public {
        eq(_redeem(_signed(_ticket(orchestrators[0], 1 ether, 1))), 1 ether);
        eq(broker.owed(orchestrators[0]), 1 ether);
        eq(_deposit(), 9 ether);
        eq(_reserve(), 60 ether);
    }

    function test_usedNonceIsRejected() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 300));
        _redeem(item);
        _rejects(item, TicketBroker.Reason.Used);
        eq(broker.owed(orchestrators[0]), 1 ether);
        ok(broker.isUsed(sender, orchestrators[0], 7, 300), "used");
        ok(!broker.isUsed(sender, orchestrators[1], 7, 300), "other recipient");
        ok(!broker.isUsed(sender, orchestrators[0], 8, 300), "other lane");
        ok(!broker.isUsed(sender, orchestrators[0], 7, 300 - 256), "other word");
    }

    function test_expiryIsInclusive() public {
        TicketBroker.Ticket memory t = _ticket(orchestrators[0], 1 ether, 1);
        vm.warp(t.expiry + 1);
        _rejects(_signed(t), TicketBroker.Reason.Expired);
        vm.warp(t.expiry);
        _redeem(_signed(t));
    }

    function test_roundAndExpiryBelongTogether() public {
        TicketBroker.Ticket memory t = _ticket(orchestrators[0], 1 ether, 1);
        t.round = 1;
        _rejects(_signed(t), TicketBroker.Reason.Round);
        t.round = 0;
        t.expiry = _lastExpiry(0) + 1;
        _rejects(_signed(t), TicketBroker.Reason.Round);
        t.expiry -= 1;
        _redeem(_signed(t));
    }

    function test_wrongRandIsRejected() public {
        TicketBroker.Redemption memory item = _signed(_ticket(orchestrators[0], 1 ether, 1));
        item.recipientRand = bytes32(uint256(1));
        _rejects(item, TicketBroker.Reason.Rand);
    }

    function test_strangersAndMalleatedSignaturesAreRejected() public {
        TicketBroker.Ticket memory t = _ticket(orchestrators[0], 1 ether, 1);
        _rejects(_signedBy(0xBAD, t), TicketBroker.Reason.Signature);
        TicketBroker.Redemption memory item = _signed(t);
        item.s = bytes32(ORDER - uint256(item.s));
        item.v = item.v == 27 ? 28 : 27;
        _rejects(item, TicketBroker.Reason.Signature);
        item = _signed(t);
        item.v = 1;
        _rejects(item, TicketBroker.Reason.Signature);
    }

    function test_hotSignerUntilRevocationTakesEffect() public {
        uint256 key = 0x407;
        vm.prank(sender);
        broker.authoriseSigner(vm.addr(key));
        _redeem(_signedBy(key, _ticket(orchestrators[0], 1 ether, 1)));
        vm.prank(sender);
        broker.revokeSigner(vm.addr(key));
        vm.warp(block.timestamp + UNLOCK);
        _redeem(_signedBy(key, _ticket(orchestrators[0], 1 ether, 2)));
        vm.warp(block.timestamp + 1);
        _rejects(_signedBy(key, _ticket(orchestrators[0], 1 ether, 3)), TicketBroker.Reason.Signature);
    }

    /// The contract's comparison is the documented one, draw < ⌈fee · 2^256 / faceValue⌉.
    function testFuzz_drawFollowsTheFormula(uint96 fee, uint96 faceValue, uint64 nonce) public {
        vm.assume(faceValue > 0 && fee > 0);
        vm.deal(sender, type(uint256).max);
        vm.prank(sender);
        broker.fundDeposit{value: type(uint96).max - 10 ether}();
        TicketBroker.Ticket memory t = _ticket(orchestrators[0], 0, nonce);
        t.fee = fee;
        t.faceValue = faceValue;
        TicketBroker.Redemption memory item = _signed(t);
        bool wins = true;
        if (fee < faceValue) {
            // ⌈fee · 2^256 / faceValue⌉ = ⌊fee · (2^256 − 1) / faceValue⌋ + 1 for 0 < fee < faceValue < 2^96, except where the
            // two floors differ, which needs a draw within 1 of the limit.
            uint256 limit = Math.mulDiv(fee, type(uint256).max, faceValue) + 1;
            wins = uint256(keccak256(abi.encodePacked(item.r, item.s, item.recipientRand))) < limit;
        }
        if (!wins) {
            _rejects(item, TicketBroker.Reason.NotWinning);
        } else {
            eq(_redeem(item), fee > faceValue ? fee : faceValue);
        }
    }

    function test_feeAboveFaceValueIsPaidAsItself() public {
        TicketBroker.Ticket memory t = _ticket(orchestrators[0], 3 ether, 1);
        t.faceValue = 1 ether;
        eq(_redeem(_signed(t)), 3 ether);
    }

    function test_freeTicketNeverWins() public {
        _rejects(_signed(_ticket(orchestrators[0], 0, 1)), TicketBroker.Reason.NotWinning);
    }

    function test_batchPaysEachAndReportsTheRest() public {
        TicketBroker.Redemption[] memory items = new TicketBroker.Redemption[](12);
        for (uint64 i = 0; i < 11; ++i) {
            items[i] = _signed(_ticket(orchestrators[i % 3], 0.5 ether, i));
        }
        items[11] = items[0];
        TicketBroker.Outcome[] memory outcomes = broker.batchRedeem(items);
        for (uint256 i = 0; i < 11; ++i) {
            eq(outcomes[i].paid, 0.5 ether);
        }
        ok(outcomes[11].reason == TicketBroker.Reason.Used, "second time");
        eq(_deposit(), 4.5 ether);
        eq(broker.owed(orchestrators[0]) + broker.owed(orchestrators[1]) + broker.owed(orchestrators[2]), 5.5 ether);
    }

    function test_sweepMovesExactlyWhatIsOwed() public {
        eq(broker.sweep(orchestrators[0]), 0);
        _redeem(_signed(_ticket(orchestrators[0], 1 ether, 1)));
        eq(broker.sweep(orchestrators[0]), 1 ether);
        eq(broker.owed(orchestrators[0]), 0);
        eq(broker.sweep(orchestrators[0]), 0);
        eq(staking.feesOf(orchestrators[0]), 1 ether);
        _redeem(_signed(_ticket(orchestrators[0], 2 ether, 2)));
        eq(broker.sweep(orchestrators[0]), 2 ether);
    }
}
