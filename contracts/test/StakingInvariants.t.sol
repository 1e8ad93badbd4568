// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Listing, Unbonding} from "../src/staking/StakingState.sol";
import {Fixture} from "./Fixture.sol";
import {StakingHandler} from "./StakingHandler.sol";

/// What holds after any sequence of actions.
contract StakingInvariantsTest is Fixture {
    StakingHandler private _handler;

    function setUp() public override {
        super.setUp();
        _handler = new StakingHandler(staking, token, judge);
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            address account = _handler.actor(i);
            if (i == 3) _register(account, 40 ether);
            _give(account, 500 ether);
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// Shares of positions add up to their pool's; what positions are worth is not more than it holds.
    function invariant_sharesAddUp() external view {
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            address pool = _handler.actor(i);
            (uint256 all,,,) = views.poolInfo(pool);
            uint256 worth;
            uint256 shares;
            for (uint256 j = 0; j < _handler.ACTORS(); ++j) {
                (uint256 stake, uint256 part,) = views.positionInfo(pool, _handler.actor(j));
                (worth, shares) = (worth + stake, shares + part);
            }
            eq(shares, all);
            ok(worth <= views.orchestratorInfo(pool).stake, "positions fit into the pool");
        }
    }

    /// CAST of pools, exits and commissions, with emission that is still to be settled, is in Staking.
    function invariant_stakingHoldsTheCastItOwes() external view {
        uint256 owed;
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            address pool = _handler.actor(i);
            Listing memory l = views.orchestratorInfo(pool);
            (,, uint256 exiting,) = views.poolInfo(pool);
            owed += l.stake + l.commission + exiting;
        }
        ok(owed <= token.balanceOf(address(staking)), "CAST is held");
    }

    /// Fees are held, and paid once: what was claimed and what can be is what came in, less dust.
    function invariant_feesArePaidOnce() external view {
        uint256 owed;
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            for (uint256 j = 0; j < _handler.ACTORS(); ++j) {
                owed += _fees(_handler.actor(i), _handler.actor(j));
            }
        }
        ok(owed <= address(staking).balance, "ether is held");
        eq(address(staking).balance + _handler.claimed(), _handler.deposited());
    }

    /// Nobody withdraws more than it unbonded, and no unbonding is paid twice.
    function invariant_stakeIsPaidOnce() external view {
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            address account = _handler.actor(i);
            uint256 waiting;
            Unbonding[] memory list = views.unbondings(account);
            for (uint256 j = 0; j < list.length; ++j) {
                waiting += list[j].amount;
            }
            ok(_handler.withdrawn(account) + waiting <= _handler.locked(account), "paid once");
        }
    }

    /// All CAST there is was minted and not burnt; whoever has it adds up to it.
    function invariant_supplyIsMintedLessBurnt() external view {
        uint256 held = token.balanceOf(address(this)) + token.balanceOf(address(staking)) + token.balanceOf(judge);
        for (uint256 i = 0; i < _handler.ACTORS(); ++i) {
            held += token.balanceOf(_handler.actor(i));
        }
        eq(token.totalSupply(), held);
        ok(token.totalSupply() <= token.cap(), "capped");
    }

    /// The set's members are known by their place, the total is their sum.
    function invariant_setIsSound() external view {
        uint256[] memory set = views.activeSet();
        ok(set.length <= staking.maxActive(), "not too many");
        for (uint256 i = 0; i < set.length; ++i) {
            ok(views.orchestratorInfo(address(uint160(set[i]))).active, "a member knows");
        }
        _eqActiveStake();
    }
}
