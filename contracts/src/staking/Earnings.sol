// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {IStaking} from "../interfaces/IStaking.sol";
import {Pools} from "./Pools.sol";

/// @title Earnings
/// @notice What comes in for a pool, and how its owner and its shares are paid: emission in CAST, fees in ether.
abstract contract Earnings is Pools, IStaking {
    /// Below so few shares fees are the owner's: feePerShare could not count them.
    uint256 private constant MIN_SHARES = 1 << 30;

    /// @notice Gives an active pool its part of the emission up to the present round, of all rounds that were missed too. Anyone
    /// may call it for anyone; what is missed is not lost, it only earns nothing by itself until then.
    function reward(address orchestrator) external {
        Pool storage pool = _pools[orchestrator];
        _advance();
        if (_settle(orchestrator, pool) != 0) return;
        if (pool.place == 0) revert NotActive(orchestrator);
        revert AlreadyRewarded(_clock.round);
    }

    /// @notice Writes the stake of `orchestrator`, with the emission it took, down for the next round. Bonds, unbonds, moves and
    /// slashes do so too; a reward alone does not, because it would cost half as much again.
    function checkpoint(address orchestrator) external {
        Pool storage pool = _registered(orchestrator);
        _advance();
        _settle(orchestrator, pool);
        _setStake(pool, pool.stake);
        emit Checkpointed(orchestrator, pool.stake);
    }

    /// @notice Pays the caller's cuts of emission to `to`.
    function claimCommission(address to) external returns (uint256 amount) {
        Pool storage pool = _registered(msg.sender);
        _advance();
        _settle(msg.sender, pool);
        amount = pool.commission;
        pool.commission = 0;
        emit CommissionClaimed(msg.sender, to, amount);
        token.transfer(to, amount);
    }

    /// @inheritdoc IStaking
    /// @dev Never reverts: who is not registered, or has next to no shares, owns all of it. All the ether there is fits.
    function depositFees(address orchestrator) external payable {
        Pool storage pool = _pools[orchestrator];
        uint256 shares = pool.shares;
        uint256 shared = shares < MIN_SHARES ? 0 : (msg.value * _feeShare(pool)) / PPM;
        if (shared != 0) pool.feePerShare += uint160((shared << 96) / shares);
        pool.ownerFees += uint96(msg.value - shared);
        emit FeesDeposited(orchestrator, msg.value, shared);
    }

    /// @notice Pays the caller's fees from the pool of `orchestrator` to `to`; an owner's include its cut.
    function claimFees(address orchestrator, address payable to) external returns (uint256 amount) {
        Pool storage pool = _pools[orchestrator];
        Position storage position = _positions[orchestrator][msg.sender];
        amount = position.fees + _unclaimed(pool, position);
        position.fees = 0;
        position.mark = pool.feePerShare;
        if (msg.sender == orchestrator) {
            amount += pool.ownerFees;
            pool.ownerFees = 0;
        }
        emit FeesClaimed(orchestrator, msg.sender, to, amount);
        Address.sendValue(to, amount);
    }

    /// The share in force now, whether or not the announcement was written over to it yet.
    function _feeShare(Pool storage pool) internal view returns (uint256) {
        uint256 cutsAt = pool.cutsAt;
        return cutsAt != 0 && block.timestamp >= cutsAt ? pool.nextFeeShare : pool.feeShare;
    }
}
