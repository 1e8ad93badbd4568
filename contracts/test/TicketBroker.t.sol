// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Fixture} from "./Fixture.sol";
import {TicketBroker} from "../src/TicketBroker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// Stands in for a Staking whose upgrade went wrong.
contract BrokenStaking {
    function depositFees(address) external payable {
        revert("broken");
    }
}

contract TicketBrokerTest is Fixture {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function _rejects(TicketBroker.Redemption memory i, TicketBroker.Reason reason) private {
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.TicketRejected.selector, reason));
        _redeem(i);
        TicketBroker.Redemption[] memory items = new TicketBroker.Redemption[](1);
        items[0] = i;
        ok(broker.batchRedeem(items)[0].reason == reason, "batch reports the reason");
    }

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
        eq(_reserve(), 30 ether);
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
        t.expiry = rounds.genesis() + ROUND + VALIDITY + 1;
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
    function testFuzz_drawFollowsTheFormula(uint128 fee, uint128 faceValue, uint64 nonce) public {
        vm.assume(faceValue > 0 && fee > 0);
        vm.deal(sender, type(uint256).max);
        vm.prank(sender);
        broker.fundDeposit{value: type(uint128).max - 10 ether}();
        TicketBroker.Ticket memory t = _ticket(orchestrators[0], 0, nonce);
        t.fee = fee;
        t.faceValue = faceValue;
        TicketBroker.Redemption memory item = _signed(t);
        bool wins = true;
        if (fee < faceValue) {
            // ⌈fee · 2^256 / faceValue⌉ = ⌊fee · (2^256 − 1) / faceValue⌋ + 1 for 0 < fee < faceValue < 2^128, except where the
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

    function test_reserveShareIsEqualAndCapped() public {
        _drainDeposit();
        _rejects(_signed(_ticket(orchestrators[0], 1 ether, 1)), TicketBroker.Reason.Insufficient);
        broker.enrol(0, orchestrators[0]);
        broker.enrol(0, orchestrators[1]);
        (uint256 share, uint256 claimed) = broker.reserveShare(sender, orchestrators[0], 0);
        eq(share, 10 ether);
        eq(claimed, 0);

        rounds.touch();
        TicketBroker.Ticket memory big = _ticket(orchestrators[0], 11 ether, 2);
        TicketBroker.Redemption[] memory items = new TicketBroker.Redemption[](1);
        items[0] = _signed(big);
        ok(broker.batchRedeem(items)[0].reason == TicketBroker.Reason.Insufficient, "a batch pays in full or not");
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.PayoutTooLow.selector, 10 ether, 11 ether));
        broker.redeem(items[0].ticket, items[0].v, items[0].r, items[0].s, items[0].recipientRand, 11 ether);
        eq(_redeem(items[0]), 10 ether);
        eq(_reserve(), 20 ether);
        (, claimed) = broker.reserveShare(sender, orchestrators[0], 0);
        eq(claimed, 10 ether);
    }

    function test_reserveAndSetAreFrozenPerRound() public {
        _drainDeposit();
        vm.warp(block.timestamp + ROUND);
        vm.prank(sender);
        broker.fundReserve{value: 60 ether}();
        broker.enrol(1, orchestrators[0]);
        (uint256 share,) = broker.reserveShare(sender, orchestrators[0], 1);
        eq(share, 10 ether); // what was funded in round 1 counts from round 2 on
        vm.warp(block.timestamp + ROUND);
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.NotCurrentRound.selector, 1, 2));
        broker.enrol(1, orchestrators[1]);
        vm.prank(orchestrators[2]);
        staking.unbond(orchestrators[2], type(uint256).max);
        broker.enrol(2, orchestrators[1]);
        (share,) = broker.reserveShare(sender, orchestrators[1], 2);
        eq(share, 45 ether);
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.NotEligible.selector, orchestrators[2], 2));
        broker.enrol(2, orchestrators[2]);
    }

    function test_joinerCountsFromTheNextRound() public {
        vm.prank(orchestrators[2]);
        staking.unbond(orchestrators[2], type(uint256).max);
        vm.warp(block.timestamp + ROUND);
        address late = address(0xA4);
        _register(late, 5 ether);
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.NotEligible.selector, late, 1));
        broker.enrol(1, late);
        vm.warp(block.timestamp + ROUND);
        broker.enrol(2, late);
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
        (, uint256 received,) = staking.poolInfo(orchestrators[0]);
        eq(received, 1 ether);
        _redeem(_signed(_ticket(orchestrators[0], 2 ether, 2)));
        eq(broker.sweep(orchestrators[0]), 2 ether);
    }

    function test_brokenStakingLosesNothing() public {
        _redeem(_signed(_ticket(orchestrators[0], 1 ether, 1)));
        bytes memory code = address(staking).code;
        BrokenStaking broken = new BrokenStaking();
        vm.etch(address(staking), address(broken).code);
        eq(broker.sweep(orchestrators[0]), 0);
        eq(broker.owed(orchestrators[0]), 1 ether);
        _redeem(_signed(_ticket(orchestrators[0], 1 ether, 2)));
        vm.etch(address(staking), code);
        eq(broker.sweep(orchestrators[0]), 2 ether);
    }

    function test_fundsLeaveOnlyAfterTheUnlockPeriod() public {
        vm.startPrank(sender);
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.Locked.selector, 0));
        broker.withdraw();
        broker.unlock();
        uint64 at = uint64(block.timestamp) + UNLOCK;
        vm.warp(at - 1);
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.Locked.selector, at));
        broker.withdraw();
        vm.warp(at);
        uint256 before = sender.balance;
        broker.withdraw();
        eq(sender.balance - before, 40 ether);
        eq(_deposit() + _reserve(), 0);
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.NoFunds.selector));
        broker.unlock();
    }

    function test_fundingCancelsAnUnlock() public {
        vm.startPrank(sender);
        broker.unlock();
        broker.fundDeposit{value: 1}();
        (,, uint64 unlockAt) = broker.senderInfo(sender);
        eq(unlockAt, 0);
        broker.unlock();
        broker.cancelUnlock();
        vm.warp(block.timestamp + 2 * UNLOCK);
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.Locked.selector, 0));
        broker.withdraw();
        vm.expectRevert(abi.encodeWithSelector(TicketBroker.ValueMismatch.selector, 3, 2));
        broker.fund{value: 3}(1, 1);
    }

    function testFuzz_brokerHoldsWhatItOwes(uint96[12] calldata amounts, uint8 salt) public {
        for (uint64 round = 0; round < 2; ++round) {
            for (uint256 i = 0; i < 3; ++i) {
                broker.enrol(round, orchestrators[i]);
            }
            for (uint64 i = 0; i < 6; ++i) {
                uint256 amount = amounts[round * 6 + i] % 12 ether;
                TicketBroker.Redemption memory item =
                    _signed(_ticket(orchestrators[(i + salt) % 3], amount + 1, round * 6 + i));
                try broker.redeem(item.ticket, item.v, item.r, item.s, item.recipientRand, 0) {} catch {}
                if (i % 2 == 0) broker.sweep(orchestrators[i % 3]);
            }
            vm.warp(block.timestamp + ROUND);
        }
        uint256 owing = _deposit() + _reserve();
        for (uint256 i = 0; i < 3; ++i) {
            owing += broker.owed(orchestrators[i]);
        }
        eq(address(broker).balance, owing);
        eq(address(broker).balance + address(staking).balance, 40 ether);
    }
}
