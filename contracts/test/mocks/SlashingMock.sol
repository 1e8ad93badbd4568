// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ISlashing} from "../../src/interfaces/ISlashing.sol";

/// One pool: stake of the owner and of its delegators, keys by round, and a slash that takes the owner's part first.
contract SlashingMock is ISlashing {
    IERC20 private immutable _token;
    uint256 public own;
    uint256 public delegated;
    uint256 public cap = type(uint256).max;
    mapping(uint64 round => address) public keys;
    mapping(uint64 round => uint256) public stakes;
    uint64 public jailedUntil;
    address public slashed;

    constructor(IERC20 token) {
        _token = token;
    }

    function setPool(uint256 own_, uint256 delegated_) external {
        own = own_;
        delegated = delegated_;
    }

    function setRound(uint64 round, address key, uint256 stake) external {
        keys[round] = key;
        stakes[round] = stake;
    }

    function setCap(uint256 cap_) external {
        cap = cap_;
    }

    function operatorAt(address, uint64 round) external view returns (address) {
        return keys[round];
    }

    function stakeAt(address, uint64 round) external view returns (uint256) {
        return stakes[round];
    }

    function slash(address orchestrator, uint256 amount) external returns (uint256 taken, uint256 fromOwn) {
        slashed = orchestrator;
        taken = amount < cap ? amount : cap;
        fromOwn = taken < own ? taken : own;
        uint256 fromDelegated = taken - fromOwn < delegated ? taken - fromOwn : delegated;
        own -= fromOwn;
        delegated -= fromDelegated;
        taken = fromOwn + fromDelegated;
        _token.transfer(msg.sender, taken);
    }

    function jail(address, uint64 untilRound) external {
        jailedUntil = untilRound;
    }
}
