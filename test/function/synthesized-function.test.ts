/*
 * The function as the template has it, in its own process, against the local account and authorization server. One
 * file for Jest, so that the last suite sees what all the others left behind.
 */
import './events.ts';
import './bad-input.ts';
import './parallel.ts';
import './remains.ts';
import { closeStage } from './stage.ts';

afterAll(closeStage);
