// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStaking} from "../../src/interfaces/IStaking.sol";

/// Membership as a test sets it, and pools that take fees or, after a broken upgrade, do not.
contract StakingMock is IStaking {
    uint256 public activeCount;
    mapping(address orchestrator => uint64) public activeFrom; // + 1; 0 = not a member
    mapping(address orchestrator => uint256) public feesOf;
    bool public broken;

    error Broken();

    function join(address orchestrator, uint64 from) external {
        activeFrom[orchestrator] = from + 1;
        ++activeCount;
    }

    function retire(address orchestrator) external {
        delete activeFrom[orchestrator];
        --activeCount;
    }

    function setActiveCount(uint256 count) external {
        activeCount = count;
    }

    function setBroken(bool value) external {
        broken = value;
    }

    function isEligible(address orchestrator, uint64 round) external view returns (bool) {
        uint64 from = activeFrom[orchestrator];
        return from != 0 && from - 1 <= round;
    }

    function depositFees(address orchestrator) external payable {
        if (broken) revert Broken();
        feesOf[orchestrator] += msg.value;
    }
}
