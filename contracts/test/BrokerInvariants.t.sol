// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TicketBroker} from "../src/TicketBroker.sol";
import {Asserts, Cheats} from "./BrokerFixture.sol";
import {BrokerHandler} from "./BrokerHandler.sol";
import {ClockMock} from "./mocks/ClockMock.sol";
import {StakingMock} from "./mocks/StakingMock.sol";

/// What holds whatever senders, recipients, relayers and Staking do.
contract BrokerInvariantsTest is Asserts {
    Cheats private constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    TicketBroker private _broker;
    StakingMock private _staking;
    BrokerHandler private _handler;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        vm.warp(1_800_000_000);
        _staking = new StakingMock();
        _broker = new TicketBroker(_staking, new ClockMock(1 hours), 1 days, 3 days);
        _handler = new BrokerHandler(_broker, _staking);
        for (uint256 i = 0; i < 3; ++i) {
            _handler.fund(i, 1 ether, 40 ether);
        }
    }

    function targetContracts() public view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory list) {
        bytes4[15] memory actions = [
            BrokerHandler.fund.selector,
            BrokerHandler.enrol.selector,
            BrokerHandler.enrol.selector,
            BrokerHandler.joinOrLeave.selector,
            BrokerHandler.allocate.selector,
            BrokerHandler.unlock.selector,
            BrokerHandler.cancelUnlock.selector,
            BrokerHandler.withdraw.selector,
            BrokerHandler.sweep.selector,
            BrokerHandler.sign.selector,
            BrokerHandler.sign.selector,
            BrokerHandler.sign.selector,
            BrokerHandler.redeemAgain.selector,
            BrokerHandler.redeemBatch.selector,
            BrokerHandler.pass.selector
        ];
        list = new FuzzSelector[](1);
        list[0].addr = address(_handler);
        list[0].selectors = new bytes4[](actions.length);
        for (uint256 i = 0; i < actions.length; ++i) {
            list[0].selectors[i] = actions[i];
        }
    }

    function invariant_moneyIsSafe() public {
        _promisesFitIntoTheReserve();
        _handler.checkPromises();
        _brokerHoldsExactlyWhatItOwes();
    }

    /// What can still be claimed over all live tickets, and what is allocated ahead, fits into the reserve.
    function _promisesFitIntoTheReserve() private view {
        uint64 current = _broker.currentPeriod();
        for (uint256 i = 0; i < 3; ++i) {
            address sender = _handler.sender(i);
            (, uint256 reserve,) = _broker.senderInfo(sender);
            uint256 sum = _handler.promised(sender, current) + _handler.promised(sender, current + 1);
            if (current != 0) sum += _handler.promised(sender, current - 1);
            ok(sum <= reserve, "promises fit into the reserve");
        }
        ok(_broker.fractionsGiven(current) <= _broker.ONE(), "fractions fit into the whole");
        ok(_broker.fractionsGiven(current + 1) <= _broker.ONE(), "fractions fit into the whole");
    }

    /// Deposits, reserves and credits are the balance; it is what came less what went.
    function _brokerHoldsExactlyWhatItOwes() private view {
        uint256 sum;
        for (uint256 i = 0; i < 3; ++i) {
            (uint256 deposit, uint256 reserve,) = _broker.senderInfo(_handler.sender(i));
            sum += deposit + reserve;
        }
        for (uint256 i = 0; i < 8; ++i) {
            sum += _broker.owed(_handler.recipient(i));
        }
        eq(address(_broker).balance, sum);
        eq(sum + _handler.paidOut(), _handler.paidIn());
    }

    /// In the end every recipient claims everything, in the worst order, and gets it.
    function afterInvariant() public {
        _handler.claimEverything();
    }
}
